#include "common/service/reporter.h"

#include "common/obs/log.h"

namespace faultline::service {

Reporter::Reporter() : interval_(notifier_.watchdog().value_or(2 * kReportIntervalDefault) / 2) {}

void Reporter::ready(Instant now, std::string_view status) {
  notifier_.ready(status);
  if (notifier_.watchdog()) notifier_.keep_alive();
  due_at_ = now + interval_;
}

void Reporter::report(Instant now, std::span<const Part> parts, std::string_view status) {
  due_at_ = now + interval_;
  const auto dropped = notifier_.dropped();
  tell(now, parts, status);
  const bool takes = notifier_.dropped() == dropped;
  if (takes && unheard_) {
    obs::log_warning("service", "the service manager takes messages again; {} were dropped",
                     notifier_.dropped());
  } else if (!takes && !unheard_) {
    obs::log_warning("service", "the service manager does not take messages: they are dropped");
  }
  unheard_ = !takes;
}

void Reporter::tell(Instant now, std::span<const Part> parts, std::string_view status) {
  const auto was_stuck = stuck_.has_value();
  stuck_ = vigil_.check(now, parts);
  if (stuck_) {
    if (!was_stuck) obs::log_error("service", "stuck: {}", *stuck_);
    return notifier_.status("stuck: " + *stuck_);
  }
  if (was_stuck) obs::log_warning("service", "no longer stuck");
  notifier_.status(status);
  if (notifier_.watchdog()) notifier_.keep_alive();
}

}  // namespace faultline::service
