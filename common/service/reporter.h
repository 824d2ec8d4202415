// Reporter: what a daemon's loop tells the service manager, tick by tick.
//
//   if (reporter.due(now)) reporter.report(now, parts, "16 of 16 nodes live");
//
// A report refreshes the status line and, where every part gets on with its work, sends the
// watchdog's keep-alive. It is due at half the watchdog's interval. A loop that hangs reports
// nothing, so the watchdog covers the loop too.
//
// Thread safety: none; it belongs to the loop.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/service/notifier.h"
#include "common/service/vigil.h"

namespace faultline::service {

// Where nobody watches.
inline constexpr Duration kReportIntervalDefault = std::chrono::seconds{10};

class Reporter {
 public:
  Reporter();

  // Between two reports. What parts may take is best given as a multiple of it.
  [[nodiscard]] Duration interval() const { return interval_; }

  // Everything that the daemon serves can be used now.
  void ready(Instant now, std::string_view status);
  [[nodiscard]] bool due(Instant now) const { return now >= due_at_; }
  void report(Instant now, std::span<const Part> parts, std::string_view status);
  // Around a reload: begins; the next report's status says how it went.
  void reloading(Instant now) { notifier_.reloading(now); }
  void reloaded(std::string_view status) { notifier_.ready(status); }
  void stopping(std::string_view status) { notifier_.stopping(status); }

  // As the last report found it.
  [[nodiscard]] const std::optional<std::string>& stuck() const { return stuck_; }

 private:
  void tell(Instant now, std::span<const Part> parts, std::string_view status);

  Notifier notifier_;
  const Duration interval_;
  Vigil vigil_;
  Instant due_at_{};
  std::optional<std::string> stuck_;
  bool unheard_ = false;  // the service manager does not take what it is told
};

}  // namespace faultline::service
