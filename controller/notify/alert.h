// Alert: one notification of an incident, as the webhook "faultline.alert/1" (webhook.md).
//
// Why it exists: on-call gets one message per fault that names the component, says how sure that is
// and why, and carries a command to paste. The body is rendered once, when the alert is put into
// the outbox: every attempt sends the same bytes.
//
// Thread safety: pure. Units: ratios are 0..1.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace faultline::notify {

enum class AlertEvent : std::uint8_t { kOpened, kUpdated, kAcknowledged, kResolved };
[[nodiscard]] std::string_view to_string(AlertEvent event);

// The words of PagerDuty's Events v2, so that no receiver has to translate; in ascending order.
enum class AlertSeverity : std::uint8_t { kInfo, kWarning, kError, kCritical };
[[nodiscard]] std::string_view to_string(AlertSeverity severity);
[[nodiscard]] std::optional<AlertSeverity> parse_severity(std::string_view text);

struct AlertEvidence {
  std::uint64_t bad_flows = 0;
  std::uint64_t bad_flows_crossing = 0;
  std::uint64_t good_flows_crossing = 0;
  std::uint64_t good_flows = 0;

  bool operator==(const AlertEvidence&) const = default;
};

// What was otherwise before the fault.
struct AlertChange {
  WallTime time{};
  std::string kind;
  std::string subject;
  std::string before;  // may be empty
  std::string after;

  bool operator==(const AlertChange&) const = default;
};

// Of a finding in nodes' configurations.
struct AlertRemedy {
  std::vector<std::string> evidence;  // one line each
  std::string text;                   // one sentence
  std::string command;                // to run
  std::string run_on;                 // the node to run it on

  bool operator==(const AlertRemedy&) const = default;
};

// Extra packets that were spent on the component, and what they brought.
struct AlertConfirmation {
  std::string component;  // that was under test: it, or one that it could not be told from
  std::string outcome;    // testing, confirmed, cleared, given up, ended
  double before = 0;      // probability that this very component is at fault
  double after = 0;
  std::uint64_t packets = 0;

  bool operator==(const AlertConfirmation&) const = default;
};

struct Alert {
  AlertEvent event = AlertEvent::kOpened;
  std::string incident;
  std::uint32_t sequence = 0;  // of this alert within the incident, from 1
  AlertSeverity severity = AlertSeverity::kError;
  std::string kind;  // of the component: link, cable, device, host, ...; kProductKind
  std::string component;
  std::string from;  // links and cables only
  std::string to;
  std::string fault_class;  // loss, blackhole, down, ...
  double posterior = 0;
  std::optional<double> loss;
  std::optional<double> loss_low;
  std::optional<double> loss_high;
  std::optional<double> delay_us;  // what it adds to p50 and p95
  std::optional<double> delay_p95_us;
  std::optional<std::uint32_t> mtu;  // the largest size that passes
  std::optional<WallTime> since;
  std::optional<WallTime> resolved_at;
  std::string resolution;  // "healed", "by ada: replaced"; empty while it is open
  std::string summary;     // one sentence
  AlertEvidence evidence;
  std::vector<std::string> counter_evidence;  // sentences, the strongest first
  std::vector<std::string> ambiguous_with;
  std::vector<std::string> affected_nodes;
  std::size_t affected_nodes_omitted = 0;  // besides those listed
  std::vector<std::string> affected_vms;   // those of them that are VMs
  std::vector<std::string> affected_racks;
  std::vector<std::string> affected_zones;
  std::optional<AlertRemedy> remedy;  // of kinds "finding", "probe" and "test"
  std::vector<AlertChange> changes;   // between the last good window and the first bad one
  std::optional<AlertConfirmation> confirmation;
  // Labels of the affected nodes, each with all its values: {"rack": ["r1", "r2"]}.
  std::map<std::string, std::vector<std::string>> labels;
  std::string link;             // a page about the incident; may be empty
  std::string acknowledged_by;  // empty: nobody has
  WallTime generated_at{};

  bool operator==(const Alert&) const = default;
};

// Of alerts about Faultline itself; their component is the controller.
inline constexpr std::string_view kProductKind = "faultline";

// Longer lists are cut here; "affected_nodes_total" keeps the count.
inline constexpr std::size_t kAffectedNodesShownMax = 50;
inline constexpr std::size_t kAmbiguousShownMax = 50;
inline constexpr std::size_t kLabelValuesShownMax = 16;
inline constexpr std::size_t kCounterEvidenceShownMax = 8;
inline constexpr std::size_t kChangesShownMax = 8;
inline constexpr std::size_t kRemedyEvidenceShownMax = 16;

// The same for every attempt and every receiver: "<incident>-<sequence>-<event>".
[[nodiscard]] std::string idempotency_key(const Alert& alert);
// What to paste on the controller to see more.
[[nodiscard]] std::string command_of(const Alert& alert);
[[nodiscard]] std::string alert_json(const Alert& alert);
// What alert_json() wrote, this version or an older one; kCorrupt otherwise.
[[nodiscard]] Result<Alert> alert_from_json(std::string_view body);

}  // namespace faultline::notify
