#include "probe/app/health_command.h"

#include <signal.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "probe/app/health.h"
#include "probe/app/state_dir.h"

namespace faultline::probe_app {
namespace {

constexpr int kExitHealthy = 0;
constexpr int kExitUnhealthy = 1;
constexpr auto kLookAgain = std::chrono::milliseconds{250};

// EPERM: it lives and is another user's.
bool lives(std::int64_t pid) { return ::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM; }

HealthVerdict look(const std::filesystem::path& state_dir) {
  const auto path = state_dir / kHealthFile;
  std::ifstream file(path);
  if (!file) {
    const int error = errno;
    if (error == ENOENT) {
      return {.text = fmt::format("not healthy: there is no {}: faultline-probe does not run, or "
                                  "has another state_dir",
                                  path.string())};
    }
    return {.text = fmt::format("not healthy: cannot read {}: {}; run this as root or as the "
                                "probe's user",
                                path.string(), std::strerror(error))};
  }
  const std::string json{std::istreambuf_iterator<char>(file), {}};
  const auto record = parse_health(json, path.string());
  if (!record) return {.text = "not healthy: " + record.error().context};
  return judge(*record, async::now_wall(), lives(record->pid));
}

}  // namespace

int run_health(const std::filesystem::path& state_dir, std::optional<Duration> wait) {
  auto verdict = look(state_dir);
  if (wait) {
    const auto deadline = async::now_instant() + *wait;
    std::string said;
    while (!(verdict.healthy && verdict.measuring) && async::now_instant() < deadline) {
      if (verdict.text != said) fmt::print(stderr, "waiting: {}\n", verdict.text);
      said = verdict.text;
      std::this_thread::sleep_for(kLookAgain);
      verdict = look(state_dir);
    }
    if (verdict.healthy && !verdict.measuring) {
      verdict.healthy = false;
      verdict.text =
          fmt::format("not measuring after {}: {}", format_duration(*wait), verdict.text);
    }
  }
  fmt::print("{}\n", verdict.text);
  return verdict.healthy ? kExitHealthy : kExitUnhealthy;
}

}  // namespace faultline::probe_app
