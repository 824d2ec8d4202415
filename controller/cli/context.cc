#include "controller/cli/context.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "controller/cli/name_argument.h"
#include "controller/cli/render.h"
#include "controller/cli/time_argument.h"
#include "controller/cli/token_source.h"

namespace faultline::cli {
namespace {

constexpr const char* kTimeout = "30s";
constexpr Duration kTimeoutMax = std::chrono::hours{24};

bool wants_color() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return (no_color == nullptr || *no_color == '\0') && ::isatty(STDOUT_FILENO) == 1 &&
         terminal != nullptr && std::string_view{terminal} != "dumb";
}

}  // namespace

Outcome<void> print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    return usage("cannot write to standard output");
  }
  return {};
}

Outcome<ApiClient> Context::client() {
  FAULTLINE_CLI_TRY(
      const auto timeout,
      parse_length_option("--timeout", options.timeout.value_or(kTimeout), kTimeoutMax));
  std::string token;
  if (options.api.starts_with("https://")) {
    const char* given = std::getenv("FAULTLINE_API_TOKEN");
    FAULTLINE_CLI_TRY(token, read_api_token(options.token_file, given != nullptr ? given : ""));
  }
  progress_ = std::make_unique<Progress>();
  return ApiClient::create(
      {.api = options.api,
       .token = std::move(token),
       .ca_file = options.ca_file,
       .timeout = timeout,
       .waiting = [this] { progress_->update("waiting for the controller"); }});
}

Outcome<ExitCode> Context::query(const std::string& target, bool explain) {
  FAULTLINE_CLI_TRY(const auto api, client());
  auto answer = api.get(target);
  if (!answer) return tl::unexpected(answer.error());
  return show(*answer, explain);
}

Outcome<ExitCode> Context::query_one(const std::string& collection, const char* what,
                                     const std::string& name) {
  FAULTLINE_CLI_TRY(const auto segment, name_segment(what, name));
  return query(collection + segment);
}

Outcome<ExitCode> Context::show(const std::string& document, bool explain) {
  end_progress();
  const auto json = Json::parse(document, nullptr, false);
  if (!json.is_object()) {
    return tl::unexpected(
        Failure{ExitCode::kUnreachable, "invalid", "the answer is not a JSON document"});
  }
  if (options.json()) {
    const auto printed = print(document.ends_with('\n') ? document : document + "\n");
    if (!printed) return tl::unexpected(printed.error());
    return exit_code_of(json);
  }
  FAULTLINE_CLI_TRY(const auto shown,
                    render(json, {.style = {.color = wants_color()}, .explain = explain}));
  const auto printed = print(shown);
  if (!printed) return tl::unexpected(printed.error());
  return exit_code_of(json);
}

}  // namespace faultline::cli
