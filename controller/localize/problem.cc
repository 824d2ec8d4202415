#include "controller/localize/problem.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>
#include <utility>

#include "controller/localize/flow_rows.h"
#include "controller/localize/routes.h"

namespace faultline::localize {
namespace {

// Losses come in bursts: a flow's count tells its rate less exactly than as many independent losses
// would, and beyond this many it tells no more. This also keeps the peak of each flow wide enough
// for the grid of rates that score.cc searches (13 % at 50 losses).
constexpr double kLossesTrusted = 50;

// log of `value` in eighths of an octave: flows whose sizes differ less than 9 % count as equal.
std::int32_t size_class(std::uint64_t value) {
  return static_cast<std::int32_t>(std::lround(8 * std::log2(static_cast<double>(value))));
}

ActiveRecord lossy_record(const FlowRecord& flow) {
  const auto lost = static_cast<double>(flow.lost);
  const double trust = std::min(1.0, kLossesTrusted / lost);
  return {.route = flow.route,
          .sent = trust * static_cast<double>(flow.sent),
          .lost = trust * lost,
          .dead = trust * static_cast<double>(flow.dead),
          .dead_log_prior = flow.dead_log_prior};
}

}  // namespace

// Collects clean flows of unknown path: what all their ways share goes to the counters, the rest is
// grouped.
class ProblemBuilder::CleanMixtures {
 public:
  CleanMixtures(Problem& problem, RouteExpander& expander)
      : problem_(problem), expander_(expander), ways_over_(problem.crossed.size()) {}

  void add(const FlowRecord& flow) {
    const Split& split = split_of(flow.route);
    for (const std::uint32_t link : split.shared) {
      problem_.clean[link].packets += static_cast<double>(flow.sent);
      problem_.clean[link].flows += 1;
    }
    if (split.route == kAllShared) return;
    packets_[{split.route, size_class(flow.sent)}] += static_cast<double>(flow.sent);
  }

  // Each flow counts as one of its class's size, so that classes on different ways compare; how
  // many flows that makes follows from the packets.
  void finish() {
    for (const auto& [key, packets] : packets_) {
      const double each = std::exp2(key.second / 8.0);
      problem_.active.push_back({.route = key.first, .sent = each, .copies = packets / each});
    }
  }

 private:
  static constexpr std::uint32_t kAllShared = 0xffffffff;
  struct Split {
    std::vector<std::uint32_t> shared;
    std::uint32_t route = kAllShared;
  };
  const Split& split_of(std::uint32_t route) {
    const auto [it, is_new] = splits_.try_emplace(route);
    if (is_new) it->second = make_split(route);
    return it->second;
  }

  // A link is shared when every way crosses it once.
  Split make_split(std::uint32_t route) {
    const std::uint32_t arms = problem_.routes[route].count;
    for (const Arm& arm : problem_.arms_of(route)) {
      for (const std::uint32_t link : problem_.links_of(arm.path)) ++ways_over_[link];
    }
    Split split;
    const Arm first = problem_.arms_of(route).front();
    for (const std::uint32_t link : problem_.links_of(first.path)) {
      if (ways_over_[link] == arms) split.shared.push_back(link);
    }
    rest_.clear();
    bool is_empty = true;
    for (const Arm& arm : problem_.arms_of(route)) {
      auto& list = rest_.emplace_back();
      list.log_weight = arm.log_weight;
      for (const std::uint32_t link : problem_.links_of(arm.path)) {
        if (ways_over_[link] != arms) list.links.push_back(link);
      }
      is_empty = is_empty && list.links.empty();
    }
    for (const Arm& arm : problem_.arms_of(route)) {
      for (const std::uint32_t link : problem_.links_of(arm.path)) ways_over_[link] = 0;
    }
    if (!is_empty) split.route = expander_.route_of_ways(rest_);
    return split;
  }

  Problem& problem_;
  RouteExpander& expander_;
  std::unordered_map<std::uint32_t, Split> splits_;
  std::vector<std::uint32_t> ways_over_;  // by link: scratch, all 0 between calls
  std::vector<RouteExpander::LinkList> rest_;
  std::map<std::pair<std::uint32_t, std::int32_t>, double> packets_;
};

ProblemBuilder::ProblemBuilder(const ObservationSet& set, const LocalizeOptions& options)
    : set_(set), rows_(std::make_unique<FlowRows>(set, options)) {
  expander_ = std::make_unique<RouteExpander>(set, rows_->all(), problem_);
  problem_.clean.resize(set.links().size());
  problem_.crossed.resize(set.links().size());
  problem_.observations = rows_->size();
  CleanMixtures mixtures(problem_, *expander_);
  for (std::uint32_t i = 0; i < set.route_count(); ++i) add_route(RouteIndex{i}, mixtures);
  for (const std::uint32_t link : problem_.path_links) problem_.crossed[link] = 1;
  for (std::size_t link = 0; link < problem_.clean.size(); ++link) {
    if (problem_.clean[link].flows > 0) problem_.crossed[link] = 1;
  }
  problem_.lossy_count = static_cast<std::uint32_t>(problem_.active.size());
  mixtures.finish();
  note_passage();
}

ProblemBuilder::~ProblemBuilder() = default;

std::span<const LinkIndex> ProblemBuilder::plain_path(RouteIndex route) const {
  if (expander_->any_silent()) return {};
  const auto candidates = set_.at(route);
  if (candidates.size() != 1) return {};
  return set_.at(candidates.front().path);
}

bool ProblemBuilder::is_plain(const Observation& row) const {
  return !plain_path(row.forward).empty() &&
         (row.back == kNoRoute || !plain_path(row.back).empty());
}

void ProblemBuilder::add_route(RouteIndex route, CleanMixtures& mixtures) {
  rows_->visit_flows(route, [&](std::span<const std::uint32_t> rows) { add_flow(rows, mixtures); });
}

void ProblemBuilder::add_flow(std::span<const std::uint32_t> rows, CleanMixtures& mixtures) {
  const Observation& first = set_.observations()[rows.front()];
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;
  for (const std::uint32_t row : rows) {
    sent += set_.observations()[row].sent;
    lost += set_.observations()[row].lost;
  }
  problem_.packets += sent;
  problem_.lost += lost;
  ++problem_.flow_count;
  if (lost == 0 && is_plain(first)) {
    const auto count = [&](RouteIndex route) {
      for (const LinkIndex link : plain_path(route)) {
        Problem::Clean& clean = problem_.clean[link.value()];
        clean.packets += static_cast<double>(sent);
        clean.flows += 1;
      }
    };
    count(first.forward);
    if (first.back != kNoRoute) count(first.back);
    return;
  }
  FlowRecord& flow = problem_.flows.emplace_back(rows_->sum(rows));
  flow.route = expander_->route(first.forward, first.back);
  if (lost > 0) {
    problem_.active.push_back(lossy_record(flow));
  } else {
    mixtures.add(flow);
  }
}

void ProblemBuilder::add_clean_flow(std::span<const std::uint32_t> rows) {
  const Observation& first = set_.observations()[rows.front()];
  if (!is_plain(first)) return;  // it is there already
  FlowRecord flow = rows_->sum(rows);
  if (flow.lost > 0) return;
  flow.route = expander_->route(first.forward, first.back);
  problem_.flows.push_back(flow);
}

std::vector<std::uint32_t> ProblemBuilder::add_clean_flows(std::span<const std::uint32_t> links) {
  std::vector<std::uint32_t> crossing;
  if (links.empty()) return crossing;
  std::vector<std::uint8_t> wanted(set_.links().size());
  for (const std::uint32_t link : links) wanted[link] = 1;
  const auto crosses = [&](RouteIndex route) {
    if (route == kNoRoute) return false;
    return std::ranges::any_of(set_.at(route), [&](const WeightedPath& way) {
      return std::ranges::any_of(set_.at(way.path),
                                 [&](LinkIndex link) { return wanted[link.value()] != 0; });
    });
  };
  const auto& all = set_.observations();
  for (std::uint32_t i = 0; i < set_.route_count(); ++i) {
    const RouteIndex forward{i};
    const auto rows = rows_->on_route(forward);
    if (rows.empty()) continue;
    const bool there = crosses(forward);
    // Rows are in order of their way back, and having none comes last.
    if (!there && all[rows.front()].back == kNoRoute) continue;
    rows_->visit_flows(forward, [&](std::span<const std::uint32_t> of_flow) {
      if (!there && !crosses(all[of_flow.front()].back)) return;
      crossing.insert(crossing.end(), of_flow.begin(), of_flow.end());
      add_clean_flow(of_flow);
    });
  }
  return crossing;
}

// Devices between two links of a path. The turn of a round trip is none, nor any end of a path.
void ProblemBuilder::note_passage() {
  const auto& devices = set_.devices();
  const bool all_declared = std::ranges::none_of(
      devices.begin() + 1, devices.end(),
      [](const Device& device) { return device.kind == DeviceKind::kUnknown; });
  if (all_declared) return;
  problem_.passed_through.resize(devices.size());
  std::vector<std::pair<DeviceIndex, DeviceIndex>> ends;  // in one place: there may be many paths
  for (const Link& link : set_.links()) ends.emplace_back(link.from, link.to);
  const auto note = [&](std::uint32_t into, std::uint32_t out_of) {
    const DeviceIndex device = ends[out_of].first;
    if (ends[into].first != ends[out_of].second) problem_.passed_through[device.value()] = 1;
  };
  for (std::uint32_t i = 0; i < problem_.paths.size(); ++i) {
    const auto links = problem_.links_of(i);
    for (std::size_t j = 1; j < links.size(); ++j) note(links[j - 1], links[j]);
  }
  const auto note_plain = [&](RouteIndex route) {
    const auto links = plain_path(route);
    for (std::size_t j = 1; j < links.size(); ++j) note(links[j - 1].value(), links[j].value());
  };
  for (std::uint32_t i = 0; i < set_.route_count(); ++i) {
    const auto rows = rows_->on_route(RouteIndex{i});
    if (rows.empty()) continue;
    note_plain(RouteIndex{i});
    RouteIndex noted = kNoRoute;
    for (const std::uint32_t row : rows) {
      const RouteIndex back = set_.observations()[row].back;
      if (back != noted && back != kNoRoute) note_plain(noted = back);
    }
  }
}

}  // namespace faultline::localize
