// Alert: one notification of an incident, as the webhook "faultline.alert/1" (webhook.md).
//
// Why it exists: on-call gets one message per fault that names the component, says how sure that is
// and why, and carries a command to paste. The body is rendered once, when the alert is put into
// the outbox: every attempt sends the same bytes.
//
// Thread safety: pure. Units: ratios are 0..1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"

namespace faultline::notify {

enum class AlertEvent : std::uint8_t { kOpened, kUpdated, kResolved };
[[nodiscard]] std::string_view to_string(AlertEvent event);

struct AlertEvidence {
  std::uint64_t bad_flows = 0;
  std::uint64_t bad_flows_crossing = 0;
  std::uint64_t good_flows_crossing = 0;
  std::uint64_t good_flows = 0;

  bool operator==(const AlertEvidence&) const = default;
};

struct Alert {
  AlertEvent event = AlertEvent::kOpened;
  std::string incident;
  std::uint32_t sequence = 0;  // of this alert within the incident, from 1
  std::string kind;            // of the component: link, cable, device, host, ...
  std::string component;
  std::string from;  // links and cables only
  std::string to;
  std::string fault_class;  // loss, blackhole, down, ...
  double posterior = 0;
  std::optional<double> loss;
  std::optional<double> loss_low;
  std::optional<double> loss_high;
  std::optional<WallTime> since;
  std::optional<WallTime> resolved_at;
  std::string summary;  // one sentence
  AlertEvidence evidence;
  std::vector<std::string> ambiguous_with;
  std::vector<std::string> affected_nodes;
  WallTime generated_at{};

  bool operator==(const Alert&) const = default;
};

// Longer lists are cut here; "affected_nodes_total" keeps the count.
inline constexpr std::size_t kAffectedNodesShownMax = 50;

// The same for every attempt and every receiver: "<incident>-<sequence>-<event>".
[[nodiscard]] std::string idempotency_key(const Alert& alert);
[[nodiscard]] std::string alert_json(const Alert& alert);

}  // namespace faultline::notify
