#include <algorithm>
#include <numeric>

#include "tests/campaign/localize/baselines.h"

namespace faultline::campaign {

Names votes_007(const localize::ObservationSet& set, const VotesParameters& parameters) {
  return votes_007(FlowTable(set), parameters);
}

Names votes_007(const FlowTable& table, const VotesParameters& parameters) {
  std::vector<double> votes(table.link_count);
  std::vector<std::vector<std::uint32_t>> flows_over(table.link_count);
  std::vector<std::uint8_t> silenced(table.flows.size());
  for (std::uint32_t i = 0; i < table.flows.size(); ++i) {
    const FlowTable::Flow& flow = table.flows[i];
    if (flow.lost == 0 || flow.paths.count != 1) continue;
    const auto links = table.at(table.paths_of(flow).front().links);
    for (const std::uint32_t link : links) {
      votes[link] += 1.0 / static_cast<double>(links.size());
      flows_over[link].push_back(i);
    }
  }
  Names blamed;
  for (;;) {
    const auto top = std::ranges::max_element(votes);
    const double all = std::accumulate(votes.begin(), votes.end(), 0.0);
    if (top == votes.end() || *top < 1e-9 || *top < parameters.share_min * all) return blamed;
    const auto link = static_cast<std::uint32_t>(top - votes.begin());
    blamed.push_back(table.id(link));
    for (const std::uint32_t i : flows_over[link]) {
      if (silenced[i] != 0) continue;
      silenced[i] = 1;
      const auto links = table.at(table.paths_of(table.flows[i]).front().links);
      for (const std::uint32_t other : links) {
        votes[other] -= 1.0 / static_cast<double>(links.size());
      }
    }
    votes[link] = 0;
  }
}

}  // namespace faultline::campaign
