// How the time of a solve grows with the lossy flows, as a plot that needs nothing but a browser.
#pragma once

#include <string>
#include <vector>

namespace faultline::bench {

struct GrowthPoint {
  double lossy_flows = 0;
  double flows = 0;
  double ms = 0;
};

// The same fabric and flows with ever more packets each, prints a row for each.
[[nodiscard]] std::vector<GrowthPoint> measure_growth();

// An SVG of milliseconds over lossy flows, with a straight line through the last point to compare.
[[nodiscard]] std::string growth_plot(const std::vector<GrowthPoint>& points);

}  // namespace faultline::bench
