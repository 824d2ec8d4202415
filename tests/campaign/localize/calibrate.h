// Calibration of the baselines, as Flock's authors do it for all of them: every setting of a grid
// on the training cases, and the one with the best mean F1 serves everywhere.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/campaign/localize/contest.h"

namespace faultline::campaign {

struct Calibration {
  Settings best;
  double votes_f1 = 0;
  double net_bouncer_f1 = 0;
  double flock_f1 = 0;
  // How much depends on the setting: the worst mean F1 of the grid.
  double votes_f1_min = 1;
  double net_bouncer_f1_min = 1;
  double flock_f1_min = 1;
};

// Cases as a contest makes them; its settings are not used.
[[nodiscard]] Calibration calibrate(const Contest& training,
                                    const std::function<void(const std::string&)>& progress);

}  // namespace faultline::campaign
