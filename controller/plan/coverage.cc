#include "controller/plan/coverage.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "common/base/check.h"
#include "common/model/path.h"
#include "controller/plan/chains.h"
#include "controller/plan/footprints.h"

namespace faultline::plan {
namespace {

// Nodes that could be tracing over a link at once.
std::vector<std::uint32_t> count_tracers(const FlowRoutes& routes) {
  std::vector<std::set<std::uint64_t>> tracers(routes.links());
  for (FlowNumber flow = 0; flow < routes.size(); ++flow) {
    const auto& ends = routes.ends(flow);
    for (const auto& crossing : routes.crossings(flow)) {
      auto& known = tracers[crossing.link];
      if ((crossing.rows & kForwardRow) != 0) known.insert(std::uint64_t{ends.source} << 1);
      if ((crossing.rows & kReturnRow) != 0) known.insert(std::uint64_t{ends.target} << 1 | 1);
    }
  }
  std::vector<std::uint32_t> counts;
  for (const auto& known : tracers) counts.push_back(static_cast<std::uint32_t>(known.size()));
  return counts;
}

void add_costs(const CoverageInput& input, Coverage& coverage) {
  const auto tracers = count_tracers(input.routes);
  const auto bytes_more = [&](FlowNumber flow) {
    if (input.sizes.empty() || input.sizes[flow] == 0) return 0.0;
    return input.packets_per_second[flow] * (input.sizes[flow] - input.bytes_per_packet);
  };
  for (FlowNumber flow = 0; flow < input.routes.size(); ++flow) {
    for (const auto& crossing : input.routes.crossings(flow)) {
      auto& link = coverage.links[crossing.link];
      ++link.flows;
      const int rows = crossing.rows == (kForwardRow | kReturnRow) ? 2 : 1;
      link.packets_per_second += rows * input.packets_per_second[flow];
      link.bytes_per_second_max += rows * bytes_more(flow);
    }
  }
  for (LinkNumber number = 0; number < coverage.links.size(); ++number) {
    auto& link = coverage.links[number];
    link.packets_per_second_max = link.packets_per_second + tracers[number] *
                                                                input.traces_per_second *
                                                                static_cast<double>(kPathHopsMax);
    link.bytes_per_second_max += link.packets_per_second_max * input.bytes_per_packet;
    for (std::size_t i = 0; i < kHorizons.size(); ++i) {
      const double packets = link.packets_per_second * static_cast<double>(kHorizons[i].count());
      if (packets >= kLossesNeeded) link.loss_min[i] = kLossesNeeded / packets;
    }
  }
}

std::vector<LinkGroup> find_groups(const Footprints& footprints, const CoverageInput& input) {
  std::map<std::uint64_t, std::vector<LinkNumber>> by_footprint;
  for (LinkNumber link = 0; link < input.links.size(); ++link) {
    if (footprints.crossing_rows(link) > 0) by_footprint[footprints.hash(link)].push_back(link);
  }
  const Chains chains(input.links, input.is_end);
  std::vector<LinkGroup> groups;
  for (auto& [hash, links] : by_footprint) {
    if (links.size() < 2) continue;
    const bool series = std::ranges::all_of(links, [&, first = links.front()](LinkNumber link) {
      return chains.root(link) == chains.root(first);
    });
    groups.push_back({.links = std::move(links),
                      .why = series ? WhyTogether::kSeries : WhyTogether::kNoFlowSplits});
  }
  std::ranges::sort(groups, {}, [](const LinkGroup& group) { return group.links.front(); });
  return groups;
}

}  // namespace

std::string_view to_string(WhyTogether why) {
  return why == WhyTogether::kSeries ? "series" : "no_flow_splits";
}

Coverage coverage_of(const CoverageInput& input) {
  FAULTLINE_CHECK(input.links.size() == input.routes.links(), "every link has its ends");
  FAULTLINE_CHECK(input.packets_per_second.size() == input.routes.size(), "every flow has a rate");
  Coverage coverage{.links = std::vector<LinkCoverage>(input.links.size())};
  Footprints footprints(input.routes);
  for (FlowNumber flow = 0; flow < input.routes.size(); ++flow) footprints.add(flow);
  add_costs(input, coverage);
  coverage.groups = find_groups(footprints, input);
  std::vector<bool> together(input.links.size(), false);
  std::vector<bool> split_wanted(input.links.size(), false);
  for (const auto& group : coverage.groups) {
    for (const auto link : group.links) {
      together[link] = true;
      split_wanted[link] = group.why == WhyTogether::kNoFlowSplits;
    }
  }
  for (LinkNumber number = 0; number < coverage.links.size(); ++number) {
    auto& link = coverage.links[number];
    if (!link.covered()) {
      coverage.uncovered.push_back(number);
      continue;
    }
    link.host_pairs = footprints.host_pairs(number, std::numeric_limits<std::uint32_t>::max());
    link.alone = !together[number];
    link.masked = footprints.maskers(number).has_value();
    ++coverage.covered;
    coverage.identifiable += split_wanted[number] ? 0 : 1;
    coverage.unmasked += link.masked ? 0 : 1;
  }
  return coverage;
}

}  // namespace faultline::plan
