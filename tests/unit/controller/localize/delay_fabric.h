// Delays for the small fabric's rows: base, stacks, clocks, jitter, and what the test adds to
// links.
#pragma once

#include <cmath>
#include <map>
#include <set>
#include <string>

#include "tests/unit/controller/localize/small_fabric.h"

namespace faultline::localize {

struct SmallDelays {
  std::map<std::string, double> added_us = {};   // to every packet, by directed link id
  std::map<std::string, double> queued_us = {};  // to p95 only
  std::map<std::string, double> clock_us = {};   // by host: how far its clock is ahead
  int since_window = 0;                          // both begin there
  int until_window = 1'000'000;                  // and are over from here on

  // The rows as an ObservationSet, each with the delays of its path.
  [[nodiscard]] ObservationSet build(const std::vector<SmallFabric::Row>& rows,
                                     std::uint64_t seed) const {
    Rng rng(seed + 77);
    ObservationSet set;
    std::map<std::string, double> stack_us;
    for (const SmallFabric::Row& row : rows) {
      for (const std::string& end : {row.hops.front(), row.hops.back()}) {
        if (!stack_us.contains(end)) stack_us[end] = 5 + 20 * uniform(rng);
      }
      std::vector<DeviceIndex> hops;
      for (const std::string& hop : row.hops) hops.push_back(set.device(hop));
      Observation observation = row.observation;
      observation.src = hops.front();
      observation.dst = hops.back();
      observation.forward = set.route(set.path(hops));
      observation.flow = set.flow(row.flow);
      const double fixed = stack_us[row.hops.front()] + stack_us[row.hops.back()] +
                           of(clock_us, row.hops.back()) - of(clock_us, row.hops.front());
      observation.delay = set.add_delay(draw(row, fixed, rng));
      static_cast<void>(set.add(observation));
    }
    return set;
  }

 private:
  static double of(const std::map<std::string, double>& values, const std::string& key) {
    const auto it = values.find(key);
    return it == values.end() ? 0 : it->second;
  }

  [[nodiscard]] Delay draw(const SmallFabric::Row& row, double fixed, Rng& rng) const {
    double p50 = fixed + 4 * uniform(rng);
    double spread = 8 + 10 * uniform(rng);
    const std::int64_t window = (row.observation.time_s - 1'790'000'010) / 10;
    const bool begun = window >= since_window && window < until_window;
    for (std::size_t i = 1; i < row.hops.size(); ++i) {
      const std::string link = row.hops[i - 1] + ">" + row.hops[i];
      p50 += 5;
      if (!begun) continue;
      p50 += of(added_us, link);
      spread += of(queued_us, link) * (0.7 + 0.6 * uniform(rng));
    }
    Delay delay;
    delay.min_us = static_cast<float>(p50 - 2);
    delay.p50_us = static_cast<float>(p50);
    delay.p95_us = static_cast<float>(p50 + spread);
    return delay;
  }
};

}  // namespace faultline::localize
