// Machine: turns the suspects of each judged window into incidents that open once and close once.
//
// Why it exists: a page must not fire on one unlucky window, nor repeat while a fault lasts, nor
// vanish because nobody was measuring. The rules:
//
//   open      seen with posterior >= confirm_posterior in `confirm_windows` of the last
//             `confirm_of` windows; a congested link in `congestion_windows` of
//             `congestion_of`, for a queue that drains is load
//   stay      seen with posterior >= keep_posterior
//   resolve   absent in `resolve_windows` windows in a row. A window without enough data cannot
//             show that something is absent, nor one in which the component was not measured.
//   reopen    a fault that is confirmed again within `reopen_within` of its end continues its old
//             incident, and from then on must be absent twice as long each time (flap damping)
//   follow    a suspect that can be the same fault (same_fault()) as the incident's component
//             continues it, unless that component itself is a suspect beside it: then the localizer
//             says that there are two faults. A suspect that can be the same as a component which
//             the incident was about before continues it in any case, and so does one that another
//             suspect of the same window, which continues it, cannot be told from.
//   rename    when another component, or class, led in `confirm_windows` of the last `confirm_of`
//             windows; other incidents that it explains too are then merged into this one
//   hold      nobody is told of what a maintenance window covers, of what a dead component explains
//             that all of it must cross, nor of a node that restarts, nor of one that others are
//             being asked about, unless it is open, and what is seen meanwhile confirms nothing.
//             A silence holds the telling only: it opens, and is told when the silence ends. A
//             resolve is never held; who was told of the opening hears it.
//   end       an operator resolves it: the same evidence opens nothing for `quiet_after_resolve`,
//             then a new incident. Evidence of something worse does at once.
//   tell      Updated only on a new name or class, or when the loss is twice or half of what was
//             told and its interval excludes what was told; the severity is judged anew then
//
// Pure: the same windows and Rng give the same events. Thread safety: none; one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "controller/incident/incident.h"
#include "controller/incident/silence.h"

namespace faultline::incident {

// Pending, open and recently resolved together. Beyond it new suspects are not taken up, which is
// counted: with that many faults the network as a whole is the fault.
inline constexpr std::size_t kIncidentsMax = 1024;
inline constexpr std::size_t kComponentsPerIncidentMax = 32;  // beyond it the oldest is forgotten
inline constexpr std::uint32_t kResolveWindowsMax = 48;       // where flap damping stops growing

struct MachineConfig {
  double confirm_posterior = 0.9;
  double keep_posterior = 0.5;
  std::uint32_t confirm_windows = 2;  // at most confirm_of
  std::uint32_t confirm_of = 3;       // at most 32
  std::uint32_t congestion_windows = 4;
  std::uint32_t congestion_of = 5;
  std::uint32_t resolve_windows = 3;
  Duration reopen_within = std::chrono::minutes{15};
  Duration quiet_after_resolve = std::chrono::minutes{15};

  bool operator==(const MachineConfig&) const = default;
};
[[nodiscard]] Status validate(const MachineConfig& config);

struct JudgedWindow {
  WallTime end{};
  // False when the controller saw too little to call anything healthy.
  bool enough_data = false;
  std::vector<Suspect> suspects{};
  // Ids of components that nothing crossed, because nodes restart: neither present nor absent.
  std::vector<std::string> unmeasured{};
  // Nodes that are off because somebody wants it: no fault of theirs is one.
  std::vector<std::string> restarting{};
  std::vector<std::string> removed{};
  // Nodes that others are just being asked about: what is lost at them may be their probes' doing.
  std::vector<std::string> undecided{};
  Duration length{};     // 0: silences count at the end only
  WallTime judged_at{};  // when silences of operators were heard last; before `end`: at `end`
};

enum class EventKind : std::uint8_t { kOpened, kUpdated, kAcknowledged, kResolved };
[[nodiscard]] std::string_view to_string(EventKind kind);

struct Event {
  EventKind kind = EventKind::kOpened;
  Incident incident{};   // as it is now
  std::string reason{};  // "opened again", "loss 1.0 % -> 4.2 %", "now leaf1>spine2"

  bool operator==(const Event&) const = default;
};

// To be made durable together, in one write, with the notifications of the events.
struct Outcome {
  std::vector<Event> events{};
  std::vector<Incident> changed{};    // to put, by id; holds those of the events too
  std::vector<std::string> erased{};  // pending ones that came to nothing
  std::vector<Silence> silences{};    // to put, by id
  std::vector<std::string> silences_erased{};

  bool operator==(const Outcome&) const = default;
};

struct MachineCounters {
  std::uint64_t opened = 0;
  std::uint64_t reopened = 0;
  std::uint64_t updated = 0;
  std::uint64_t resolved = 0;
  std::uint64_t dissolved = 0;  // pending, never confirmed
  std::uint64_t windows_judged = 0;
  std::uint64_t windows_without_data = 0;
  std::uint64_t windows_repeated = 0;     // not after the last one: ignored
  std::uint64_t suspects_over_limit = 0;  // kIncidentsMax
  std::uint64_t acknowledged = 0;
  std::uint64_t held = 0;           // incidents that something began to hold
  std::uint64_t events_held = 0;    // openings and updates that nobody was told of
  std::uint64_t notes_refused = 0;  // kNotesMax

  bool operator==(const MachineCounters&) const = default;
};

class Machine {
 public:
  // `config` is valid.
  explicit Machine(const MachineConfig& config);

  // Takes over what the ledger holds, at start. Resolved ones are history unless they can still be
  // reopened: pass all or only the recent ones. kCorrupt when ids repeat.
  Status restore(std::vector<Incident> incidents, WallTime now);
  void restore_silences(std::vector<Silence> silences) { silences_.restore(std::move(silences)); }

  // A clock that was set back must not silence the machine until it has caught up: windows that end
  // after `now` are judged, whatever was judged before.
  void set_back(WallTime now);

  // Windows in ascending order of their end.
  Outcome judge(const JudgedWindow& window, Rng& rng);

  // Operators. kNotFound, or kConflict when it is not open; kInvalid for texts that are too long.
  // Acknowledging twice keeps the first.
  Result<Outcome> acknowledge(std::string_view id, std::string by, WallTime now);
  Result<Outcome> resolve(std::string_view id, std::string by, std::string why, WallTime now);
  // Also of one that is pending or recently resolved. kLimit: kNotesMax.
  Result<Outcome> note(std::string_view id, std::string by, std::string text, WallTime now);
  Result<Outcome> add_silence(SilenceRequest request, WallTime now);
  Result<Outcome> end_silence(std::string_view id, std::string by, WallTime now);

  // What others found out about it. False when there is no such incident, or nothing is new.
  bool note_changes(std::string_view id, std::vector<Change> changes);
  bool note_confirmation(std::string_view id, Confirmation confirmation);

  // Pending, open and recently resolved.
  [[nodiscard]] const std::vector<Incident>& incidents() const { return incidents_; }
  [[nodiscard]] const Incident* find(std::string_view id) const;
  [[nodiscard]] std::size_t open_count() const;
  [[nodiscard]] const SilenceBook& silences() const { return silences_; }
  [[nodiscard]] const MachineCounters& counters() const { return counters_; }

 private:
  struct Round;
  struct Hold {
    std::string by{};
    bool opens_not = false;  // what is seen confirms nothing
    bool silence = false;    // `by` is one's id
    bool explained = false;  // `by` is the incident that explains this one
  };

  void sort_oldest_first();
  void attach(Round& round, Rng& rng);
  [[nodiscard]] std::optional<std::size_t> find_named(const Suspect& suspect) const;
  [[nodiscard]] std::optional<std::size_t> find_related(const Round& round,
                                                        const Suspect& suspect) const;
  void begin(Round& round, Rng& rng, const Suspect& suspect);
  void hold_all(Round& round);
  [[nodiscard]] Hold hold_of(const Round& round, std::size_t index) const;
  void note_present(Round& round, std::size_t index);
  void open(Round& round, std::size_t index, const Suspect& lead);
  void note_absent(Round& round, std::size_t index);
  [[nodiscard]] bool is_explained(const Round& round, std::size_t index) const;
  void follow(Round& round, std::size_t index, const Suspect& lead);
  void contest(Round& round, std::size_t index, const Suspect& lead);
  void merge_into(Round& round, std::size_t index);
  void resolve(Round& round, Incident& incident, std::string resolution);
  void tell(Round& round, EventKind kind, Incident& incident, std::string reason);
  void announce(Round& round, EventKind kind, Incident& incident, std::string reason);
  void forget(Round& round);
  void end_removed(Round& round);
  [[nodiscard]] Result<Incident*> find_open(std::string_view id);
  [[nodiscard]] bool is_confirmed(std::uint32_t presence, std::string_view fault_class) const;
  [[nodiscard]] std::uint32_t windows_to_resolve(const Incident& incident) const;

  MachineConfig config_;
  std::vector<Incident> incidents_;
  SilenceBook silences_;
  std::optional<WallTime> last_end_;
  MachineCounters counters_;
};

// Puts it into the incident's history, within kHistoryMax.
void remember(Incident& incident, Entry entry);
// Nobody looks any more what the extra packets of an incident that is over bring.
void end_confirmation(Incident& incident, WallTime now);

}  // namespace faultline::incident
