// Notifier: sd_notify(3), the datagrams that tell a service manager how its service is.
//
// Why it exists: a daemon's loop must not wait for the service manager, and libsystemd's
// sd_notify() does where that does not read its socket. So the datagram is sent here, at once or
// not at all: what the manager does not take is dropped and counted. That a service is ready is
// said only once, so where that was dropped the next message says it again; the others are made up
// for by the next of their kind. Without NOTIFY_SOCKET in the environment every function does
// nothing. Thread safety: none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/time.h"
#include "common/net/unique_fd.h"

namespace faultline::service {

class Notifier {
 public:
  // Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
  Notifier();

  // A service manager listens.
  [[nodiscard]] bool enabled() const { return !socket_.empty(); }
  // It kills this process when no keep-alive comes for so long; empty: it does not watch.
  [[nodiscard]] std::optional<Duration> watchdog() const { return watchdog_; }

  // `status` is one line for a person.
  void ready(std::string_view status);
  void status(std::string_view status);
  // Followed by ready() when the reload is done. `now` is of the monotonic clock.
  void reloading(Instant now);
  void stopping(std::string_view status);
  void keep_alive();

  // Messages that the service manager did not take.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  void send(std::string assignments);

  std::string socket_;  // its path, or '@' and a name without one; empty: nobody listens
  net::UniqueFd fd_;
  bool ready_untold_ = false;
  std::uint64_t dropped_ = 0;
  std::optional<Duration> watchdog_;
};

}  // namespace faultline::service
