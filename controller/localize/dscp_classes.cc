#include "controller/localize/dscp_classes.h"

#include <set>

namespace faultline::localize {

std::optional<DscpClass> find_dscp_class(const std::vector<ClassedFlow>& flows) {
  std::set<std::int16_t> all;
  std::set<std::int16_t> bad;
  for (const ClassedFlow& it : flows) {
    all.insert(it.dscp);
    if (it.flow.bad) bad.insert(it.dscp);
  }
  std::optional<DscpClass> best;
  if (all.size() < 2) return best;
  std::vector<SizedFlow> sized;
  for (const std::int16_t dscp : bad) {
    sized.clear();
    double inside = 0;
    double total = 0;
    for (const ClassedFlow& it : flows) {
      const bool of_class = it.dscp == dscp;
      sized.push_back(it.flow);
      sized.back().size = of_class ? 1 : 0;
      total += it.flow.units;
      if (of_class) inside += it.flow.units;
    }
    const auto limit = find_size_limit(sized);
    if (!limit || (best && limit->log_odds <= best->log_odds)) continue;
    best = DscpClass{dscp, limit->large_flows, limit->large_bad_flows, inside / total,
                     limit->log_odds};
  }
  return best;
}

}  // namespace faultline::localize
