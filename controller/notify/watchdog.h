// Watchdog: alarms about Faultline itself.
//
// Why it exists: a silent controller and a healthy network look the same to on-call. What keeps the
// product from seeing or telling faults is told like a fault, by the same receivers.
//
// A check is raised when it has been bad for its patience, mostly kRaiseAfter, without a break, and
// ends when it has been well for kEndAfter, so that a busy minute is no alarm and a flapping disk
// is one. What was told is made durable by the caller (to_record), with the alert; a restart
// continues it and does not tell it again. Pure: the state of the product and the time are
// arguments. Thread safety: none.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "controller/notify/alert.h"

namespace faultline::notify {

inline constexpr Duration kRaiseAfter = std::chrono::minutes{2};
inline constexpr Duration kEndAfter = std::chrono::minutes{2};
// A machine that is busy for some minutes is nothing to wake anyone for.
inline constexpr Duration kOverloadedRaiseAfter = std::chrono::minutes{15};
// A time service that is at work corrects a step within two polls, and chrony's longest is 1024 s
// (chrony.conf(5), maxpoll).
inline constexpr Duration kClockOffRaiseAfter = std::chrono::minutes{35};
// A stuck receiver's alarms go to the others; its name follows the check's.
inline constexpr std::string_view kOutboxStuck = "outbox_stuck";
inline constexpr std::string_view kDeadLetters = "dead_letters";

struct WatchdogOptions {
  bool enabled = true;
  double silent_share_max = 0.2;                       // of the nodes
  Duration verdict_age_max = std::chrono::minutes{1};  // and six windows
  std::uint64_t disk_free_min_bytes = 2ULL << 30;
  Duration outbox_age_max = std::chrono::minutes{5};
  Duration dead_letters_within = std::chrono::hours{1};  // for how long one is told

  bool operator==(const WatchdogOptions&) const = default;
};

// The state of the product.
struct Vitals {
  Duration window = std::chrono::seconds{10};
  std::uint64_t nodes = 0;
  std::uint64_t nodes_silent = 0;
  std::uint64_t sessions_planned = 0;
  Duration verdict_age{};  // since the end of the window judged last, or the start
  std::optional<std::uint64_t> disk_free_bytes;    // empty: not known
  Duration clock_offset_max{};                     // a live node's from ours
  std::string store_trouble;                       // one sentence; empty: none
  std::map<std::string, Duration> oldest_waiting;  // by receiver that has alerts waiting
  std::uint64_t dead_letters = 0;                  // of faults, since the start
  std::uint64_t alerts_shed = 0;                   // by the outbox at its limits, since the start
  std::vector<std::string> overloaded;  // probers that dropped packets themselves, by name
  std::uint64_t results_lost = 0;       // that full spools had to drop, since the start
  std::uint64_t windows_skipped = 0;    // that were not judged for want of time, since the start
  std::uint64_t clock_steps = 0;        // of the controller's clock, since the start
};

class Watchdog {
 public:
  explicit Watchdog(WatchdogOptions options = {}) : options_(options) {}

  // At start only; a record that cannot be read is kCorrupt and changes nothing.
  [[nodiscard]] Status restore(std::string_view record);
  [[nodiscard]] std::string to_record() const;

  // Alerts to tell now; with any, to_record() is to be stored together with them.
  [[nodiscard]] std::vector<Alert> judge(const Vitals& vitals, Instant now, WallTime wall);

  // Names of the checks that are raised.
  [[nodiscard]] std::vector<std::string> raised() const;
  // False when faults cannot be seen, kept or told: then the heartbeat stays away.
  [[nodiscard]] bool fit() const;

 private:
  struct Check {
    std::string text;  // as of the last time that it was bad
    AlertSeverity severity = AlertSeverity::kWarning;
    std::optional<Instant> bad_since;
    std::optional<Instant> well_since;
    std::optional<WallTime> raised_at;  // empty: not raised
  };
  // A counter that should not grow.
  struct Growth {
    std::uint64_t seen = 0;
    std::optional<Instant> at;

    // Whether it did lately.
    bool note(std::uint64_t count, Instant now, Duration within) {
      if (count > seen) at = now;
      seen = count;
      return at && now - *at < within;
    }
  };
  struct Finding {
    std::string check;
    AlertSeverity severity = AlertSeverity::kWarning;
    std::string text;
  };

  [[nodiscard]] std::vector<Finding> find(const Vitals& vitals, Instant now);
  void find_growing(const Vitals& vitals, Instant now, std::vector<Finding>& found);
  [[nodiscard]] static Duration patience_of(const std::string& check);
  [[nodiscard]] static std::string incident_of(const std::string& name, WallTime raised_at);
  [[nodiscard]] static Alert alert_of(const std::string& name, const Check& check, AlertEvent event,
                                      WallTime wall);

  WatchdogOptions options_;
  std::map<std::string, Check> checks_;  // that are bad, or were lately
  Growth dead_letters_;
  Growth alerts_shed_;
  Growth results_lost_;
  Growth windows_skipped_;
  Growth clock_steps_;
};

// "outbox_stuck:pager" -> "pager"; empty for any other check.
[[nodiscard]] std::string stuck_receiver(const Alert& alert);
[[nodiscard]] bool is_about_product(std::string_view incident);

}  // namespace faultline::notify
