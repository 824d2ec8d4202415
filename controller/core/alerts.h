// The two translations around the incident machine: what the localizer found becomes suspects with
// a sentence that a person understands, and what happened to an incident becomes an alert. Pure.
#pragma once

#include <string>
#include <vector>

#include "common/base/time.h"
#include "controller/core/solve.h"
#include "controller/incident/machine.h"
#include "controller/notify/alert.h"

namespace faultline::core {

// Added latency opens an incident from a millisecond on and not at a host: on busy hosts delays
// come and go with the probers' own scheduling. So does a queue through which even the fastest
// packets come that late. A sick prober opens none, nor does a burst (Solution::bursts): what it
// was alone in its first window counts, but not before another bears it out.
[[nodiscard]] incident::JudgedWindow to_judged_window(const Solution& solution);

// "link leaf2>spine3 loses 1.1 % (0.9 to 1.4 %): 31 of 32 bad flows cross it, 0 of 210 good ones
// do"
[[nodiscard]] std::string sentence(const incident::Suspect& suspect);

// What incidents that are not over hold responsible: SolveJob::watched.
[[nodiscard]] std::vector<incident::Component> watched_components(
    const std::vector<incident::Incident>& incidents);

[[nodiscard]] notify::Alert to_alert(const incident::Event& event, WallTime now);

}  // namespace faultline::core
