// Absences: when a node was away by intent, so that its restart is no fault of the network.
//
// Why it exists: a probe that is upgraded neither measures nor answers for a few seconds. Its peers
// lose packets to it, and without this the localizer would rightly blame the one thing that
// explains them: the node. An absence begins with a Goodbye, or is found out afterwards by the new
// boot id of the next Hello, and lasts until that Hello.
//
// What keeps it from hiding a real fault:
//   - it excuses observations that begin or end at the node itself, and no other;
//   - it excuses at most `excused_max` after its beginning: who does not come back is missing;
//   - a node is excused kAbsencesPerHourMax times an hour: a probe that crashes in a loop, or a
//     stolen key that says goodbye again and again, counts from then on;
//   - found out afterwards, it excuses nothing that was judged already.
//
// Absences are kept in the node's record, because a rolling upgrade restarts the controller too: a
// new controller must not judge the windows in which its predecessor knew a node to be away.
//
// Pure. Thread safety: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/time.h"

namespace faultline::fleet {

inline constexpr Duration kExcusedMaxDefault = std::chrono::minutes{5};
inline constexpr std::size_t kAbsencesPerHourMax = 6;
inline constexpr std::size_t kAbsencesKeptMax = 8;  // in a record; the oldest is forgotten
// A window is named by its observer's clock and a Goodbye takes its time to arrive.
inline constexpr Duration kAbsenceMargin = std::chrono::seconds{1};
// A Hello comes before the plan is measured and every peer's reflector session is open again.
inline constexpr Duration kReturnSettles = std::chrono::seconds{2};

enum class AbsenceCause : std::uint8_t {
  kGoodbye,  // the node said so
  kRestart,  // it came back with another boot id
};
[[nodiscard]] std::string_view to_string(AbsenceCause cause);

struct Absence {
  WallTime from{};
  std::optional<WallTime> until{};  // back and settled; empty: still away
  AbsenceCause cause = AbsenceCause::kGoodbye;

  bool operator==(const Absence&) const = default;
};
using Absences = std::vector<Absence>;  // oldest first

// Whether the newest one has no end yet.
[[nodiscard]] bool is_away(const Absences& absences);

// Adds one, unless kAbsencesPerHourMax began in the hour before: false. A former one that had no
// end ends where this one begins.
[[nodiscard]] bool begin_absence(Absences& absences, const Absence& absence);
// Ends the newest if it has no end yet; returns whether it did.
bool end_absence(Absences& absences, WallTime now);

// Our clock was set back and says `now`: one that has not ended began before it, and what ended
// after it excuses nothing that is still to come.
void set_back(Absences& absences, WallTime now);

// Whether what was observed at the node in the window [start, start + length) is left out.
[[nodiscard]] bool is_excused(const Absences& absences, WallTime start, Duration length,
                              Duration excused_max);

}  // namespace faultline::fleet
