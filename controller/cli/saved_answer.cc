#include "controller/cli/saved_answer.h"

#include <cstdio>
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "controller/cli/client.h"
#include "controller/cli/document.h"

namespace faultline::cli {
namespace {

Outcome<std::uint64_t> save(const ApiClient& api, const std::string& target,
                            const std::string& path) {
  const auto partial = path + ".part";
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(partial.c_str(), "wb"), &std::fclose);
  if (!file) return usage(fmt::format("cannot write {}", partial));
  auto written = api.stream(target, [&](std::string_view piece) {
    return std::fwrite(piece.data(), 1, piece.size(), file.get()) == piece.size();
  });
  std::error_code error;
  if (written && std::fflush(file.get()) == 0) {
    std::filesystem::rename(partial, path, error);
    if (!error) return written;
    written = usage(fmt::format("cannot rename {} to {}", partial, path));
  }
  std::filesystem::remove(partial, error);
  if (written) return usage(fmt::format("cannot write {}", partial));
  return written;
}

}  // namespace

Outcome<ExitCode> save_answer(Context& context, const std::string& target, const std::string& file,
                              const std::string& schema) {
  FAULTLINE_CLI_TRY(const auto api, context.client());
  if (file.empty()) {
    FAULTLINE_CLI_TRY(
        [[maybe_unused]] const auto size,
        api.stream(target, [](std::string_view piece) { return print(piece).has_value(); }));
    return ExitCode::kHealthy;
  }
  FAULTLINE_CLI_TRY(const auto size, save(api, target, file));
  const Json document{{"schema", schema}, {"file", file}, {"bytes", size}};
  return context.show(document.dump());
}

}  // namespace faultline::cli
