#include "controller/notify/watchdog.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace faultline::notify {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kIncidentPrefix = "product-";
constexpr std::int64_t kVerdictWindowsMax = 6;
constexpr std::string_view kClockOff = "clock_off";
constexpr std::string_view kProbesOverloaded = "probes_overloaded";
constexpr std::string_view kAlertsShed = "alerts_shed";
constexpr std::string_view kResultsLost = "results_lost";
constexpr std::string_view kClockSet = "clock_set";
constexpr Duration kClockSetWithin = std::chrono::hours{1};
constexpr Duration kSkippedWithin = std::chrono::minutes{1};  // longer than a window

// To the second: nobody needs more.
std::string rough(Duration duration) {
  return format_duration(std::chrono::floor<std::chrono::seconds>(duration));
}

}  // namespace

bool is_about_product(std::string_view incident) { return incident.starts_with(kIncidentPrefix); }

std::string stuck_receiver(const Alert& alert) {
  const auto prefix = fmt::format("{}:", kOutboxStuck);
  if (alert.kind != kProductKind || !alert.fault_class.starts_with(prefix)) return {};
  return alert.fault_class.substr(prefix.size());
}

std::vector<Watchdog::Finding> Watchdog::find(const Vitals& vitals, Instant now) {
  using Severity = AlertSeverity;
  std::vector<Finding> found;
  const auto limit = options_.silent_share_max * static_cast<double>(vitals.nodes);
  if (vitals.nodes_silent > 0 && static_cast<double>(vitals.nodes_silent) > limit) {
    found.push_back({"probes_silent", Severity::kError,
                     fmt::format("{} of {} probes are silent: what they would see goes unseen",
                                 vitals.nodes_silent, vitals.nodes)});
  }
  const auto age_max = std::max(options_.verdict_age_max, kVerdictWindowsMax * vitals.window);
  if (vitals.sessions_planned > 0 && vitals.verdict_age > age_max) {
    found.push_back(
        {"ingest_lagging", Severity::kCritical,
         fmt::format("no window was judged for {}: faults go unseen", rough(vitals.verdict_age))});
  }
  if (vitals.disk_free_bytes && *vitals.disk_free_bytes < options_.disk_free_min_bytes) {
    found.push_back({"disk_filling", Severity::kError,
                     fmt::format("{} MiB are left on the store's disk; at none, results and alerts "
                                 "cannot be kept",
                                 *vitals.disk_free_bytes >> 20U)});
  }
  if (!vitals.store_trouble.empty()) {
    found.push_back({"store_unwritable", Severity::kCritical, vitals.store_trouble});
  }
  if (vitals.clock_offset_max > vitals.window / 4) {
    found.push_back({std::string(kClockOff), Severity::kWarning,
                     fmt::format("a node's clock is {} away from the controller's; `faultline node "
                                 "list` says whose",
                                 rough(vitals.clock_offset_max))});
  }
  for (const auto& [receiver, age] : vitals.oldest_waiting) {
    if (age <= options_.outbox_age_max) continue;
    found.push_back(
        {fmt::format("{}:{}", kOutboxStuck, receiver), Severity::kCritical,
         fmt::format("receiver {} has not taken an alert for {}; `faultline alert list` "
                     "says why",
                     receiver, rough(age))});
  }
  if (!vitals.overloaded.empty()) {
    found.push_back(
        {std::string(kProbesOverloaded), Severity::kWarning,
         fmt::format("{} of {} probers drop packets themselves, {} first: their "
                     "machines are too busy, and what they see means little",
                     vitals.overloaded.size(), vitals.nodes, vitals.overloaded.front())});
  }
  find_growing(vitals, now, found);
  return found;
}

void Watchdog::find_growing(const Vitals& vitals, Instant now, std::vector<Finding>& found) {
  using Severity = AlertSeverity;
  const auto within = options_.dead_letters_within;
  if (dead_letters_.note(vitals.dead_letters, now, within)) {
    found.push_back(
        {std::string(kDeadLetters), Severity::kCritical,
         "alerts were given up and nobody was told; `faultline alert list` shows them"});
  }
  if (alerts_shed_.note(vitals.alerts_shed, now, within)) {
    found.push_back({std::string(kAlertsShed), Severity::kCritical,
                     "more alerts waited for a receiver than are kept: the oldest were dropped"});
  }
  if (results_lost_.note(vitals.results_lost, now, within)) {
    found.push_back({std::string(kResultsLost), Severity::kWarning,
                     fmt::format("probes had to drop {} results: their spools were full, or their "
                                 "disks did not keep up",
                                 vitals.results_lost)});
  }
  if (clock_steps_.note(vitals.clock_steps, now, kClockSetWithin)) {
    found.push_back(
        {std::string(kClockSet), Severity::kWarning,
         "the controller's clock was set by more than a quarter of a window; while it "
         "is wrong, results are kept under wrong times and the oldest are dropped early"});
  }
  if (windows_skipped_.note(vitals.windows_skipped, now, kSkippedWithin)) {
    found.push_back({"localizer_behind", Severity::kError,
                     "the localizer does not keep up: windows are judged together, and faults are "
                     "told late"});
  }
}

// What is lost is told at once: it does not get better by waiting.
Duration Watchdog::patience_of(const std::string& check) {
  if (check == kDeadLetters || check == kAlertsShed || check == kResultsLost ||
      check == kClockSet) {
    return Duration::zero();
  }
  if (check == kClockOff) return kClockOffRaiseAfter;
  return check == kProbesOverloaded ? kOverloadedRaiseAfter : kRaiseAfter;
}

std::vector<Alert> Watchdog::judge(const Vitals& vitals, Instant now, WallTime wall) {
  std::vector<Alert> alerts;
  for (auto& check : checks_) {
    if (!check.second.well_since) check.second.well_since = now;
  }
  for (auto& finding : find(vitals, now)) {
    auto& check = checks_[finding.check];
    check.text = std::move(finding.text);
    check.severity = finding.severity;
    check.well_since.reset();
    if (!check.bad_since) check.bad_since = now;
    if (check.raised_at || now - *check.bad_since < patience_of(finding.check)) continue;
    check.raised_at = wall;
    alerts.push_back(alert_of(finding.check, check, AlertEvent::kOpened, wall));
  }
  for (auto item = checks_.begin(); item != checks_.end();) {
    auto& [name, check] = *item;
    if (check.well_since) check.bad_since.reset();
    const bool over =
        check.well_since && (!check.raised_at || now - *check.well_since >= kEndAfter);
    if (over && check.raised_at) {
      alerts.push_back(alert_of(name, check, AlertEvent::kResolved, wall));
    }
    item = over ? checks_.erase(item) : std::next(item);
  }
  if (!options_.enabled) return {};  // nobody is told; fit() is as true as ever
  return alerts;
}

std::string Watchdog::incident_of(const std::string& name, WallTime raised_at) {
  return fmt::format("{}{}-{}", kIncidentPrefix, name, unix_seconds(raised_at));
}

Alert Watchdog::alert_of(const std::string& name, const Check& check, AlertEvent event,
                         WallTime wall) {
  Alert alert;
  alert.event = event;
  alert.incident = incident_of(name, *check.raised_at);
  alert.sequence = event == AlertEvent::kOpened ? 1 : 2;
  alert.severity = check.severity;
  alert.kind = kProductKind;
  alert.component = "controller";
  alert.fault_class = name;
  alert.posterior = 1;
  alert.since = check.raised_at;
  if (event == AlertEvent::kResolved) alert.resolved_at = wall;
  alert.summary = event == AlertEvent::kResolved ? "resolved: " + check.text : check.text;
  alert.generated_at = wall;
  return alert;
}

std::vector<std::string> Watchdog::raised() const {
  std::vector<std::string> names;
  for (const auto& [name, check] : checks_) {
    if (check.raised_at) names.push_back(name);
  }
  return names;
}

bool Watchdog::fit() const {
  return std::ranges::none_of(raised(), [](const std::string& name) {
    return name == "ingest_lagging" || name == "store_unwritable" || name.starts_with(kOutboxStuck);
  });
}

std::string Watchdog::to_record() const {
  auto raised = Json::array();
  for (const auto& [name, check] : checks_) {
    if (!check.raised_at) continue;
    raised.push_back(Json{{"check", name},
                          {"severity", to_string(check.severity)},
                          {"text", check.text},
                          {"raised_at_ns", unix_nanoseconds(*check.raised_at)}});
  }
  return Json{{"raised", raised}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Status Watchdog::restore(std::string_view record) {
  try {
    std::map<std::string, Check> checks;
    const auto document = Json::parse(record);
    for (const auto& item : document.at("raised")) {
      auto& check = checks[item.at("check").get<std::string>()];
      check.text = item.at("text").get<std::string>();
      check.severity =
          parse_severity(item.at("severity").get<std::string>()).value_or(AlertSeverity::kWarning);
      check.raised_at =
          wall_time_from_unix_nanoseconds(item.at("raised_at_ns").get<std::int64_t>());
    }
    checks_ = std::move(checks);
    return {};
  } catch (const nlohmann::json::exception& error) {
    return fail(ErrorCode::kCorrupt,
                std::string{"the watchdog's record is unreadable: "} + error.what());
  }
}

}  // namespace faultline::notify
