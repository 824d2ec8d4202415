// Incident: the life of one fault, and Suspect: what the localizer says of it in one window.
//
// Why it exists: on-call gets one page per fault. The localizer speaks anew every window, with
// changing words; an incident is what stays the same. Both are plain values with strings, so that
// they can be stored, sent and shown without anything of the localizer's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace faultline::incident {

struct Evidence {
  std::uint64_t bad_flows = 0;
  std::uint64_t bad_flows_crossing = 0;
  std::uint64_t good_flows_crossing = 0;
  std::uint64_t good_flows = 0;

  bool operator==(const Evidence&) const = default;
};

// The words of PagerDuty's Events v2, so that no receiver has to translate.
enum class Severity : std::uint8_t { kWarning, kError, kCritical };
[[nodiscard]] std::string_view to_string(Severity severity);

// What stands in the nodes' own configuration, for a finding of the rules over facts.
struct Remedy {
  std::vector<std::string> evidence{};  // one line each
  std::string text{};                   // one sentence
  std::string command{};                // to run
  std::string run_on{};                 // the node to run it on

  bool operator==(const Remedy&) const = default;
};

// By name, all values: {"rack": ["r1", "r2"]}.
using LabelSets = std::map<std::string, std::vector<std::string>>;

// One component that explains losses in the judged window.
struct Suspect {
  std::string kind{};  // link, cable, device, host, ... as the bundle names them
  std::string id{};
  std::string from{};  // the two ends, of links and cables only
  std::string to{};
  std::string fault_class{};  // loss, blackhole, down, mtu, sick_host, delay, congestion
  double posterior = 0;       // 0 .. 1
  double loss = 0;            // share of packets, 0 .. 1, with its 95 % interval
  double loss_low = 0;
  double loss_high = 0;
  std::optional<double> delay_us{};  // what it adds to p50 and p95; empty where no delay is seen
  std::optional<double> delay_p95_us{};
  std::optional<std::uint32_t> mtu{};         // the largest size that passes
  std::vector<std::string> ambiguous_with{};  // ids of the others that it cannot be told from
  Evidence evidence{};
  std::vector<std::string> counter_evidence{};  // sentences
  // The blast radius: nodes whose flows suffer from it, by name, and what those belong to.
  std::vector<std::string> affected{};
  std::vector<std::string> affected_vms{};  // those of `affected` that are VMs
  std::vector<std::string> affected_racks{};
  std::vector<std::string> affected_zones{};
  // Of the component itself, or of the nodes at its ends: what silences match. `node` is their
  // names.
  LabelSets labels{};
  // Components that all that reaches this one must cross: a host's only switch, a VM's hypervisor.
  std::vector<std::string> depends_on{};
  std::optional<WallTime> since{};     // onset; empty when not known
  std::string text{};                  // one sentence for the page
  std::optional<Severity> severity{};  // where no loss tells it
  std::optional<Remedy> remedy{};      // of findings and tests

  bool operator==(const Suspect&) const = default;
};

enum class State : std::uint8_t {
  kPending,  // seen, not yet sure enough to tell anyone
  kOpen,
  kAcknowledged,  // open, and somebody said that he is on it
  kResolved,
};
[[nodiscard]] std::string_view to_string(State state);

// What the suspect says of itself; else: critical: down, or at least 10 % lost. Error: at least 0.5
// % lost, a black hole, an MTU fault.
[[nodiscard]] Severity severity_of(const Suspect& suspect);

// What can be at fault, as far as matching needs it.
struct Component {
  std::string id{};
  std::string from{};  // the two ends, of links and cables only
  std::string to{};

  bool operator==(const Component&) const = default;
};
[[nodiscard]] Component component_of(const Suspect& suspect);

// One thing that changed between the last good window and the first bad one, in words.
struct Change {
  WallTime time{};
  std::string kind{};  // path, plan, membership, mtu, dscp, clock, topology, facts
  std::string subject{};
  std::string before{};  // may be empty
  std::string after{};

  bool operator==(const Change&) const = default;
};

inline constexpr std::size_t kChangesPerIncidentMax = 8;

// What happened to an incident, for people.
struct Entry {
  WallTime at{};
  std::string what{};  // opened, updated, acknowledged, resolved, held, released, note
  std::string by{};    // who; empty: the controller itself
  std::string text{};

  bool operator==(const Entry&) const = default;
};
// Beyond it the oldest entries are left out, and counted; notes and the first stay.
inline constexpr std::size_t kHistoryMax = 64;  // more than kNotesMax
inline constexpr std::size_t kNotesMax = 32;
inline constexpr std::size_t kNoteBytesMax = 2000;
inline constexpr std::size_t kAuthorBytesMax = 128;

// Extra packets that were spent on this incident's component, and what they brought.
struct Confirmation {
  std::string component{};  // that was under test: the suspect, or what it could not be told from
  std::string outcome{};    // testing, confirmed, cleared, given up; ended: with the incident
  WallTime began_at{};
  std::optional<WallTime> ended_at{};
  double before = 0;  // probability that this very component is at fault, 0 .. 1
  double after = 0;   // as of the newest window of the test
  std::uint64_t packets = 0;

  bool operator==(const Confirmation&) const = default;
};

struct Incident {
  std::string id{};  // opaque, fixed from the first moment
  State state = State::kPending;
  Severity severity = Severity::kWarning;  // as of the last event
  // The component held responsible, with the newest figures.
  Suspect suspect{};
  // Every component that was held responsible, oldest first; the last is the suspect's.
  std::vector<Component> components{};
  WallTime since{};  // the onset as told when it opened; before that the earliest told
  std::optional<WallTime> opened_at{};
  WallTime updated_at{};    // end of the last window that counted for it
  WallTime last_present{};  // end of the last window in which it was seen
  std::optional<WallTime> resolved_at{};
  std::string resolution{};    // "healed", "merged into i-..."
  std::uint32_t revision = 0;  // grows with every event: orders and deduplicates notifications
  std::uint32_t reopened = 0;  // how often it came back soon after it was resolved
  std::optional<WallTime> acknowledged_at{};
  std::string acknowledged_by{};
  // What changed at its onset and touches it, the most relevant first.
  std::vector<Change> changes{};
  std::vector<Entry> history{};  // oldest first
  std::uint64_t history_omitted = 0;
  // Why nobody is told at present: a silence's id ("m-1f", "s-1f"), the incident that explains this
  // one ("i-1f"), "restart of h1". Empty: everybody is.
  std::string held_by{};
  // Somebody was told that it is open, and not yet that it is over.
  bool announced = false;
  std::string resolved_by{};  // an operator; empty: it healed
  // Of one that an operator resolved: until then the same evidence opens nothing.
  std::optional<WallTime> quiet_until{};
  std::optional<Confirmation> confirmation{};

  // The machine's own memory.
  std::uint32_t presence = 0;        // bit i: surely seen i windows ago
  std::uint32_t windows_absent = 0;  // in a row
  double loss_told = 0;              // as of the last event, told or owed
  std::string owed{};                // an event that was held; empty: none
  // Another component or class that wants to replace the present one: "id/class".
  std::string contender{};
  std::uint32_t contender_presence = 0;  // bit i: it led surely i windows ago

  [[nodiscard]] bool is_open() const {
    return state == State::kOpen || state == State::kAcknowledged;
  }
  bool operator==(const Incident&) const = default;
};

// By its id: "a>b", "a=b#2", "a".
[[nodiscard]] Component component_from_id(std::string_view id);

// That both can be about the same fault: one component, a cable and one of its directions, a device
// and one of its links or cables.
[[nodiscard]] bool same_fault(const Component& left, const Component& right);
// That the suspect is this component, or cannot be told from it.
[[nodiscard]] bool names(const Suspect& suspect, const Component& component);
// Down, or as good as that.
[[nodiscard]] bool is_dead(const Suspect& suspect);
// That nothing worth measuring passes `parent`, and all that reaches `child` must: what is seen of
// the child is the parent's doing. A sick host is sick in any case.
[[nodiscard]] bool explains(const Suspect& parent, const Suspect& child);

[[nodiscard]] std::string to_json(const Incident& incident);
// Stored text is validated: what does not fit is kCorrupt.
[[nodiscard]] Result<Incident> incident_from_json(std::string_view text);

}  // namespace faultline::incident
