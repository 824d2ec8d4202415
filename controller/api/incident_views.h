// Incidents and silences, as the API shows them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "controller/incident/incident.h"
#include "controller/incident/silence.h"

namespace faultline::api {

struct EvidenceView {
  std::uint64_t bad_flows = 0;
  std::uint64_t bad_flows_crossing = 0;
  std::uint64_t good_flows_crossing = 0;
  std::uint64_t good_flows = 0;

  bool operator==(const EvidenceView&) const = default;
};

struct IncidentEventView {
  WallTime at{};
  std::string what;     // opened, updated, acknowledged, resolved, held, released, note
  std::string text;     // one sentence
  std::string by = {};  // who; empty: the controller itself

  bool operator==(const IncidentEventView&) const = default;
};

struct IncidentView {
  std::string id;
  std::string state;  // pending, open, acknowledged, resolved
  std::string severity;
  std::string kind;  // of the component
  std::string component;
  std::string from;  // links and cables only
  std::string to;
  std::string fault_class;
  double posterior = 0;
  std::optional<double> loss;
  std::optional<double> loss_low;
  std::optional<double> loss_high;
  std::optional<double> delay_us;
  std::optional<double> delay_p95_us;
  std::optional<std::uint32_t> mtu;
  std::optional<WallTime> since;
  WallTime opened_at{};
  WallTime updated_at{};
  std::optional<WallTime> resolved_at;
  std::string resolution;  // "healed", "by ada: replaced"; empty while it is open
  std::optional<WallTime> acknowledged_at;
  std::string acknowledged_by;
  std::string held_by;  // why nobody is told: a silence, another incident; empty: all are
  std::string summary;
  std::vector<std::string> ambiguous_with;
  std::vector<std::string> affected_nodes;
  std::vector<std::string> affected_vms;
  std::vector<std::string> affected_racks;
  std::vector<std::string> affected_zones;
  EvidenceView evidence;
  std::vector<std::string> counter_evidence;
  std::optional<incident::Remedy> remedy;  // of findings
  std::vector<incident::Change> changes;   // between the last good window and the first bad one
  std::optional<incident::Confirmation> confirmation;
  std::vector<IncidentEventView> events;  // oldest first; empty in lists
  std::uint64_t events_omitted = 0;       // before them

  bool operator==(const IncidentView&) const = default;
};

// Pending ones are in no list but their own.
enum class IncidentFilter : std::uint8_t { kOpen, kResolved, kAll, kPending };

enum class IncidentAction : std::uint8_t { kAcknowledge, kResolve, kNote };
struct IncidentActionRequest {
  IncidentAction action = IncidentAction::kAcknowledge;
  std::string by;
  std::string text;  // of a note; why it is resolved
};

enum class SilenceFilter : std::uint8_t {
  kLasting,  // active, or to come
  kAll,      // with those that are over
};
struct SilencesView {
  WallTime generated_at{};
  std::vector<incident::Silence> silences;  // by start, newest first
};

inline constexpr std::size_t kIncidentsListedMax = 500;
inline constexpr Duration kIncidentsSinceMax = std::chrono::hours{24 * 3660};

}  // namespace faultline::api
