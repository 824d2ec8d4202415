#include "controller/localize/routes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace faultline::localize {
namespace {

// A device that answered all its traces may still have been the silent one now and then.
constexpr double kAnsweringWeightMin = 0.02;
// That the silent hop is a device which the topology does not know.
constexpr double kAnonymousWeight = 0.1;

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash ^= value + 0x9e3779b97f4a7c15 + (hash << 6) + (hash >> 2);
  hash *= 0xff51afd7ed558ccd;
  return hash ^ (hash >> 32);
}

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

void RouteExpander::add_arm(double log_weight, std::span<const std::uint32_t> links) {
  problem_.arms.push_back({static_cast<std::uint32_t>(problem_.paths.size()), log_weight});
  problem_.paths.push_back({static_cast<std::uint32_t>(problem_.path_links.size()),
                            static_cast<std::uint32_t>(links.size())});
  problem_.path_links.insert(problem_.path_links.end(), links.begin(), links.end());
}

std::uint32_t RouteExpander::end_route(std::size_t first_arm) {
  problem_.routes.push_back({static_cast<std::uint32_t>(first_arm),
                             static_cast<std::uint32_t>(problem_.arms.size() - first_arm)});
  return static_cast<std::uint32_t>(problem_.routes.size() - 1);
}

bool RouteExpander::equal(std::uint32_t route, const std::vector<LinkList>& ways) const {
  return std::ranges::equal(problem_.arms_of(route), ways, [&](const Arm& arm, const auto& way) {
    return arm.log_weight == way.log_weight &&
           std::ranges::equal(problem_.links_of(arm.path), way.links);
  });
}

std::uint32_t RouteExpander::route_of_ways(const std::vector<LinkList>& ways) {
  std::uint64_t hash = 0;
  for (const LinkList& way : ways) {
    hash = mix(hash, std::bit_cast<std::uint64_t>(way.log_weight));
    for (const std::uint32_t link : way.links) hash = mix(hash, link);
  }
  const auto [first, last] = route_by_hash_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    if (equal(it->second, ways)) return it->second;
  }
  const std::size_t first_arm = problem_.arms.size();
  for (const LinkList& way : ways) add_arm(way.log_weight, way.links);
  const std::uint32_t route = end_route(first_arm);
  route_by_hash_.emplace(hash, route);
  return route;
}

bool RouteExpander::add_plain(RouteIndex forward, RouteIndex back) {
  static constexpr std::array<WeightedPath, 1> kNothing{};
  const auto there = set_.at(forward);
  const auto returning = back == kNoRoute ? std::span<const WeightedPath>(kNothing) : set_.at(back);
  const bool few = there.size() <= kArmsPerDirectionMax &&
                   returning.size() <= kArmsPerDirectionMax &&
                   there.size() * returning.size() <= kArmsMax;
  if (any_silent_ || !few) return false;
  double total = 0;
  for (const WeightedPath& head : there) {
    for (const WeightedPath& tail : returning) total += head.weight * tail.weight;
  }
  for (const WeightedPath& head : there) {
    for (const WeightedPath& tail : returning) {
      plain_.clear();
      for (const LinkIndex link : set_.at(head.path)) plain_.push_back(link.value());
      if (back != kNoRoute) {
        for (const LinkIndex link : set_.at(tail.path)) plain_.push_back(link.value());
      }
      const double share = head.weight * tail.weight / total;
      add_arm(share == 1 ? 0 : std::log(share), plain_);
    }
  }
  return true;
}

std::uint32_t RouteExpander::route(RouteIndex forward, RouteIndex back) {
  const std::size_t first_arm = problem_.arms.size();
  if (add_plain(forward, back)) return end_route(first_arm);
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
  for (const Way& way : all) add_arm(std::log(way.weight / total), way.links);
  return end_route(first_arm);
}

}  // namespace faultline::localize
