#include "common/service/notifier.h"

#include <cstdlib>
#include <string>

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

namespace faultline::service {
namespace {

void send(const std::string& assignments) {
  // Keeps NOTIFY_SOCKET: there is more to say.
  static_cast<void>(::sd_notify(/*unset_environment=*/0, assignments.c_str()));
}

// An assignment ends with its line.
std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& character : line) {
    if (character == '\n' || character == '\r' || character == '\0') character = ' ';
  }
  return line;
}

}  // namespace

Notifier::Notifier() {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  enabled_ = socket != nullptr && *socket != '\0';
  std::uint64_t microseconds = 0;
  if (enabled_ && ::sd_watchdog_enabled(/*unset_environment=*/0, &microseconds) > 0) {
    watchdog_ = std::chrono::microseconds{static_cast<std::int64_t>(microseconds)};
  }
}

void Notifier::ready(std::string_view status) const {
  if (enabled_) send(fmt::format("READY=1\nSTATUS={}", one_line(status)));
}

void Notifier::status(std::string_view status) const {
  if (enabled_) send(fmt::format("STATUS={}", one_line(status)));
}

void Notifier::reloading(Instant now) const {
  if (!enabled_) return;
  const auto since_boot =
      std::chrono::floor<std::chrono::microseconds>(now.time_since_epoch()).count();
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=reloading", since_boot));
}

void Notifier::stopping(std::string_view status) const {
  if (enabled_) send(fmt::format("STOPPING=1\nSTATUS={}", one_line(status)));
}

void Notifier::keep_alive() const {
  if (enabled_) send("WATCHDOG=1");
}

}  // namespace faultline::service
