#include "controller/cli/capture_live.h"

#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "controller/capture/comparison_json.h"
#include "controller/capture/verdict.h"
#include "controller/cli/document.h"
#include "controller/cli/interruption.h"
#include "controller/cli/ordered_test.h"

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

// Empty: it is there, or was made.
Outcome<void> make_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return usage(fmt::format("cannot create the folder {}: {}", folder, error.message()));
  if (::access(folder.c_str(), W_OK | X_OK) == 0) return {};
  return usage(fmt::format("cannot write into {}: {}", folder, std::strerror(errno)));
}

Outcome<Json> report_of(const OrderedTest& test) {
  if (!test.report().is_null()) return test.report();
  return tl::unexpected(failed(test.is_over() ? test.node() + ": " + test.text()
                                              : test.node() + " has not reported in time"));
}

// Until both are over; what one of them is late with does not keep the other's from being taken.
Outcome<void> await_both(OrderedTest& near, OrderedTest& far, const Interruption& interruption,
                         std::chrono::steady_clock::time_point until) {
  while (std::chrono::steady_clock::now() < until) {
    FAULTLINE_CLI_TRY(const auto near_over, near.look());
    FAULTLINE_CLI_TRY(const auto far_over, far.look());
    if (near_over && far_over) return {};
    if (interruption.wait(kPoll)) return tl::unexpected(interrupted());
  }
  return {};
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
  if (wanted.near == wanted.far) {
    return usage(fmt::format("{} sends no packets to itself: name two nodes", wanted.near));
  }
  if (auto made = make_folder(wanted.folder); !made) return tl::unexpected(made.error());
  const Interruption interruption;
  FAULTLINE_CLI_TRY(auto near_test, OrderedTest::begin(api, wanted.near,
                                                       body(wanted.far, wanted.reflector_port,
                                                            wanted.source_port)));
  FAULTLINE_CLI_TRY(auto far_test, OrderedTest::begin(api, wanted.far,
                                                      body(wanted.near, wanted.source_port,
                                                           wanted.reflector_port)));
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::seconds{wanted.seconds} + kPatience;
  if (auto awaited = await_both(near_test, far_test, interruption, until); !awaited) {
    return tl::unexpected(awaited.error());
  }
  const auto near_report = report_of(near_test);
  const auto far_report = report_of(far_test);
  // What there is of it is kept, before anything is said of what is not.
  capture::EndOfCapture near{
      .node = wanted.near, .about = {wanted.reflector_port, wanted.source_port}, .is_sender = true};
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
