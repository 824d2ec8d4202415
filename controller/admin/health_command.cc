#include "controller/admin/health_command.h"

#include <string>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/async/clock.h"
#include "controller/cli/client.h"

namespace faultline::admin {
namespace {

constexpr int kExitHealthy = 0;
constexpr int kExitUnhealthy = 1;
constexpr auto kAskAgain = std::chrono::milliseconds{250};
// The status is answered from memory.
constexpr Duration kAnswerTimeout = std::chrono::seconds{5};

struct Verdict {
  bool healthy = false;
  std::string text;
};

Verdict judge(const nlohmann::json& status) {
  try {
    const auto& nodes = status.at("nodes");
    const auto store = status.at("store").at("state").get<std::string>();
    if (store != "ok") return {false, "not healthy: the store: " + store};
    const auto open = status.at("incidents_open").get<std::uint64_t>();
    return {true, fmt::format("healthy: {} of {} nodes live, {} {} open",
                              nodes.at("live").get<std::uint64_t>(),
                              nodes.at("total").get<std::uint64_t>(), open,
                              open == 1 ? "incident" : "incidents")};
  } catch (const nlohmann::json::exception& error) {
    return {false, fmt::format("not healthy: what answers is no controller ({})", error.what())};
  }
}

// What the client advises is for who types `faultline`.
std::string without_advice(const std::string& message) {
  return message.substr(0, message.find("; is faultline-controller running"));
}

Verdict ask(const std::filesystem::path& api_socket) {
  const auto client = cli::ApiClient::create(
      {.api = "unix:" + api_socket.string(), .timeout = kAnswerTimeout, .waiting = {}});
  if (!client) return {false, "not healthy: " + client.error().message};
  const auto answer = client->get("/api/v1/status");
  if (!answer) return {false, "not healthy: " + without_advice(answer.error().message)};
  return judge(nlohmann::json::parse(*answer, nullptr, false));
}

}  // namespace

int run_health(const std::filesystem::path& api_socket, std::optional<Duration> wait) {
  const auto deadline = async::now_instant() + wait.value_or(Duration::zero());
  std::string said;
  auto verdict = ask(api_socket);
  while (!verdict.healthy && async::now_instant() < deadline) {
    if (verdict.text != said) fmt::print(stderr, "waiting: {}\n", verdict.text);
    said = verdict.text;
    std::this_thread::sleep_for(kAskAgain);
    verdict = ask(api_socket);
  }
  fmt::print("{}\n", verdict.text);
  return verdict.healthy ? kExitHealthy : kExitUnhealthy;
}

}  // namespace faultline::admin
