#include "controller/localize/routes.h"

#include <algorithm>
#include <cmath>

namespace faultline::localize {
namespace {

// A device that answered all its traces may still have been the silent one now and then.
constexpr double kAnsweringWeightMin = 0.02;
// That the silent hop is a device which the topology does not know.
constexpr double kAnonymousWeight = 0.1;

template <typename Way>
void keep_heaviest(std::vector<Way>& ways, std::size_t max) {
  std::ranges::stable_sort(ways, std::greater<>{}, &Way::weight);
  if (ways.size() > max) ways.resize(max);
}

template <typename Way>
std::vector<Way> product(const std::vector<Way>& heads, const std::vector<Way>& tails) {
  std::vector<Way> result;
  result.reserve(heads.size() * tails.size());
  for (const Way& head : heads) {
    for (const Way& tail : tails) {
      Way& way = result.emplace_back(head);
      way.weight *= tail.weight;
      way.links.insert(way.links.end(), tail.links.begin(), tail.links.end());
    }
  }
  return result;
}

}  // namespace

RouteExpander::RouteExpander(const ObservationSet& set, const std::vector<std::uint32_t>& rows,
                             Problem& problem)
    : set_(set), problem_(problem) {
  any_silent_ =
      std::ranges::any_of(set.links(), [](const Link& link) { return link.to == kSilentHop; });
  if (!any_silent_) return;
  learn_topology();
  count_answers(rows);
}

void RouteExpander::learn_topology() {
  links_out_.resize(set_.devices().size());
  for (std::uint32_t i = 0; i < set_.links().size(); ++i) {
    const Link& link = set_.links()[i];
    if (link.from != kSilentHop && link.to != kSilentHop)
      links_out_[link.from.value()].push_back(i);
  }
}

void RouteExpander::count_answers(const std::vector<std::uint32_t>& rows) {
  const auto count = [&](RouteIndex route) {
    const auto candidates = set_.at(route);
    if (candidates.size() != 1) return;
    const auto links = set_.at(candidates.front().path);
    for (std::size_t i = 1; i < links.size(); ++i) {
      const Link& into = set_.at(links[i - 1]);
      const Link& out_of = set_.at(links[i]);
      answers_[{into.from.value(), out_of.to.value()}][into.to.value()] += 1;
    }
  };
  for (const std::uint32_t row : rows) {
    const Observation& observation = set_.observations()[row];
    count(observation.forward);
    if (observation.back != kNoRoute) count(observation.back);
  }
}

std::vector<RouteExpander::Way> RouteExpander::silent_segment(LinkIndex into,
                                                              LinkIndex out_of) const {
  const DeviceIndex before = set_.at(into).from;
  const DeviceIndex after = set_.at(out_of).to;
  const Way anonymous{1, {into.value(), out_of.value()}};
  std::vector<Way> ways;
  std::vector<std::uint32_t> devices;
  for (const std::uint32_t first : links_out_[before.value()]) {
    const DeviceIndex middle = set_.links()[first].to;
    for (const std::uint32_t second : links_out_[middle.value()]) {
      if (set_.links()[second].to != after) continue;
      ways.push_back({1, {first, second}});
      devices.push_back(middle.value());
    }
  }
  if (ways.empty() || ways.size() > kSilentCandidatesMax) return {anonymous};
  double total = 0;
  const auto seen = answers_.find({before.value(), after.value()});
  if (seen != answers_.end()) {
    for (const auto& [device, rows] : seen->second) total += rows;
  }
  const double share = total / static_cast<double>(ways.size());
  for (std::size_t i = 0; i < ways.size(); ++i) {
    double answered = 0;
    if (seen != answers_.end()) {
      if (const auto it = seen->second.find(devices[i]); it != seen->second.end()) {
        answered = it->second;
      }
    }
    const double missing = share > 0 ? 1 - answered / share : 1;
    ways[i].weight = std::max(missing, kAnsweringWeightMin);
  }
  double weight = 0;
  for (const Way& way : ways) weight += way.weight;
  for (Way& way : ways) way.weight *= (1 - kAnonymousWeight) / weight;
  ways.push_back(anonymous);
  ways.back().weight = kAnonymousWeight;
  return ways;
}

std::vector<RouteExpander::Way> RouteExpander::ways_of_path(PathIndex path) const {
  const auto links = set_.at(path);
  std::vector<Way> ways{{1, {}}};
  for (std::size_t i = 0; i < links.size(); ++i) {
    const bool silent_ahead = any_silent_ && set_.at(links[i]).to == kSilentHop;
    const bool one_hop = silent_ahead && i + 1 < links.size() &&
                         set_.at(links[i]).from != kSilentHop &&
                         set_.at(links[i + 1]).to != kSilentHop;
    if (one_hop) {
      ways = product(ways, silent_segment(links[i], links[i + 1]));
      keep_heaviest(ways, kArmsPerDirectionMax);
      ++i;
    } else if (!silent_ahead || set_.at(links[i]).from != kSilentHop) {
      for (Way& way : ways) way.links.push_back(links[i].value());
    }
  }
  return ways;
}

std::vector<RouteExpander::Way> RouteExpander::ways(RouteIndex route) const {
  std::vector<Way> result;
  for (const WeightedPath& candidate : set_.at(route)) {
    for (Way& way : ways_of_path(candidate.path)) {
      way.weight *= candidate.weight;
      result.push_back(std::move(way));
    }
  }
  keep_heaviest(result, kArmsPerDirectionMax);
  return result;
}

std::uint32_t RouteExpander::intern_path(const std::vector<std::uint32_t>& links) {
  const auto [it, is_new] =
      path_by_links_.try_emplace(links, static_cast<std::uint32_t>(problem_.paths.size()));
  if (is_new) {
    problem_.paths.push_back({static_cast<std::uint32_t>(problem_.path_links.size()),
                              static_cast<std::uint32_t>(links.size())});
    problem_.path_links.insert(problem_.path_links.end(), links.begin(), links.end());
  }
  return it->second;
}

std::uint32_t RouteExpander::route_of_lists(const std::vector<std::vector<std::uint32_t>>& lists,
                                            const std::vector<double>& log_weights) {
  const auto first = static_cast<std::uint32_t>(problem_.arms.size());
  for (std::size_t i = 0; i < lists.size(); ++i) {
    problem_.arms.push_back({intern_path(lists[i]), log_weights[i]});
  }
  problem_.routes.push_back({first, static_cast<std::uint32_t>(lists.size())});
  return static_cast<std::uint32_t>(problem_.routes.size() - 1);
}

std::uint32_t RouteExpander::route(RouteIndex forward, RouteIndex back) {
  const std::uint64_t pair = (std::uint64_t{forward.value()} << 32) | back.value();
  if (const auto known = route_by_pair_.find(pair); known != route_by_pair_.end()) {
    return known->second;
  }
  std::vector<Way> all = ways(forward);
  if (back != kNoRoute) {
    std::vector<Way> returning = ways(back);
    if (all.size() * returning.size() > kArmsMax) {
      keep_heaviest(all, kArmsMax / 32);
      keep_heaviest(returning, 32);
    }
    all = product(all, returning);
  }
  double total = 0;
  for (const Way& way : all) total += way.weight;
  std::vector<std::vector<std::uint32_t>> lists;
  std::vector<double> log_weights;
  for (Way& way : all) {
    lists.push_back(std::move(way.links));
    log_weights.push_back(std::log(way.weight / total));
  }
  const std::uint32_t index = route_of_lists(lists, log_weights);
  route_by_pair_.emplace(pair, index);
  return index;
}

}  // namespace faultline::localize
