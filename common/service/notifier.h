// Notifier: sd_notify(3), the datagrams that tell a service manager how its service is.
//
// Why it exists: the one user of libsystemd. Without NOTIFY_SOCKET in the environment every
// function does nothing. A datagram that cannot be sent is lost: the next one makes up for it.
// Thread safety: none.
#pragma once

#include <optional>
#include <string_view>

#include "common/base/time.h"

namespace faultline::service {

class Notifier {
 public:
  // Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
  Notifier();

  // A service manager listens.
  [[nodiscard]] bool enabled() const { return enabled_; }
  // It kills this process when no keep-alive comes for so long; empty: it does not watch.
  [[nodiscard]] std::optional<Duration> watchdog() const { return watchdog_; }

  // `status` is one line for a person.
  void ready(std::string_view status) const;
  void status(std::string_view status) const;
  // Followed by ready() when the reload is done. `now` is of the monotonic clock.
  void reloading(Instant now) const;
  void stopping(std::string_view status) const;
  void keep_alive() const;

 private:
  bool enabled_ = false;
  std::optional<Duration> watchdog_;
};

}  // namespace faultline::service
