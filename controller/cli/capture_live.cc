#include "controller/cli/capture_live.h"

#include <openssl/evp.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "controller/capture/comparison_json.h"
#include "controller/capture/verdict.h"
#include "controller/cli/document.h"
#include "controller/cli/name_argument.h"

namespace faultline::cli {
namespace {

constexpr auto kPoll = std::chrono::milliseconds{300};
// After the capture's end, until its report is here.
constexpr auto kPatience = std::chrono::seconds{15};

// Only whole groups of four characters, as encoders write them.
std::optional<std::vector<std::byte>> from_base64(const std::string& text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::vector<std::byte> octets(text.size() / 4 * 3);
  const int size = ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(octets.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  // Padding is decoded to zeros.
  const auto padding =
      std::count(text.end() - std::min<std::ptrdiff_t>(2, std::ssize(text)), text.end(), '=');
  octets.resize(static_cast<std::size_t>(size - padding));
  return octets;
}

Failure failed(std::string message) {
  return {ExitCode::kInconclusive, "unavailable", std::move(message)};
}

Outcome<Json> parse(const std::string& answer) {
  auto document = Json::parse(answer, nullptr, false);
  if (!document.is_object()) {
    return tl::unexpected(Failure{ExitCode::kUnreachable, "invalid", "the answer is no document"});
  }
  return document;
}

Outcome<std::string> order(const ApiClient& api, const std::string& node, const Json& body) {
  FAULTLINE_CLI_TRY(const auto name, name_segment("NODE", node));
  FAULTLINE_CLI_TRY(const auto answer, api.post("/api/v1/nodes/" + name + "/tests", body.dump()));
  FAULTLINE_CLI_TRY(const auto document, parse(answer));
  return text(document, "id");
}

Outcome<Json> await_report(const ApiClient& api, const std::string& node, const std::string& id,
                           std::chrono::steady_clock::time_point until) {
  while (std::chrono::steady_clock::now() < until) {
    FAULTLINE_CLI_TRY(const auto answer, api.get("/api/v1/tests/" + url_encode(id)));
    FAULTLINE_CLI_TRY(const auto test, parse(answer));
    const auto state = text(test, "state");
    if (state == "done") return member(test, "report");
    if (state != "running") return tl::unexpected(failed(node + ": " + text(test, "text")));
    std::this_thread::sleep_for(kPoll);
  }
  return tl::unexpected(failed(node + " has not reported in time"));
}

// Writes the file and returns its path; `end` is what it holds.
Outcome<std::string> save(const Json& report, const LiveCapture& wanted,
                          capture::EndOfCapture& end) {
  const auto octets = from_base64(text(report, "pcapng"));
  if (!octets) return tl::unexpected(failed(end.node + " sent no capture"));
  auto name = end.node;
  std::ranges::replace(name, '/', '_');
  auto path = (std::filesystem::path(wanted.folder) / (name + ".pcapng")).string();
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(octets->data()), std::ssize(*octets));
  file.close();
  if (!file) return usage(fmt::format("{} cannot be written", path));
  auto read = capture::from_pcapng(*octets);
  if (!read) return tl::unexpected(failed(end.node + ": " + read.error().context));
  end.file = *std::move(read);
  return path;
}

}  // namespace

Outcome<std::string> capture_live(const ApiClient& api, const LiveCapture& wanted) {
  const auto body = [&](const std::string& target, std::uint16_t port, std::uint16_t own) {
    return Json{{"kind", "capture"}, {"method", "stamp"},  {"target", target},
                {"port", port},      {"source_port", own}, {"seconds", wanted.seconds}};
  };
  FAULTLINE_CLI_TRY(
      const auto near_test,
      order(api, wanted.near, body(wanted.far, wanted.reflector_port, wanted.source_port)));
  FAULTLINE_CLI_TRY(
      const auto far_test,
      order(api, wanted.far, body(wanted.near, wanted.source_port, wanted.reflector_port)));
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::seconds{wanted.seconds} + kPatience;
  const auto near_report = await_report(api, wanted.near, near_test, until);
  const auto far_report = await_report(api, wanted.far, far_test, until);
  // What there is of it is kept, before anything is said of what is not.
  capture::EndOfCapture near{.node = wanted.near,
                             .about = {wanted.reflector_port, wanted.source_port},
                             .is_sender = true};
  // Behind NAT the flow has another port there: its packets are found by what they carry.
  capture::EndOfCapture far{.node = wanted.far, .about = {wanted.reflector_port, 0}};
  auto files = Json::array();
  if (near_report) {
    FAULTLINE_CLI_TRY(auto path, save(*near_report, wanted, near));
    files.push_back(std::move(path));
  }
  if (far_report) {
    FAULTLINE_CLI_TRY(auto path, save(*far_report, wanted, far));
    files.push_back(std::move(path));
  }
  if (!near_report) return tl::unexpected(near_report.error());
  if (!far_report) return tl::unexpected(far_report.error());
  const auto comparison = capture::compare(near, far);
  auto document = capture::to_json(comparison, capture::judge(comparison));
  document["files"] = std::move(files);
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace faultline::cli
