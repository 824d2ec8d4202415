#include "controller/localize/problem.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "controller/localize/routes.h"

namespace faultline::localize {
namespace {

// Losses come in bursts: a flow's count tells its rate less exactly than as many independent losses
// would, and beyond this many it tells no more. This also keeps the peak of each flow wide enough
// for the grid of rates that score.cc searches (13 % at 50 losses).
constexpr double kLossesTrusted = 50;

using Rows = std::vector<std::uint32_t>;

auto flow_key(const Observation& row) {
  return std::tuple(row.back, row.src, row.dst, row.flow, row.size, row.dscp);
}

// The rows inside the horizon by forward route; ends[r] is where those of route r end.
Rows rows_by_route(const ObservationSet& set, const LocalizeOptions& options,
                   std::vector<std::uint32_t>& ends) {
  const auto& all = set.observations();
  const auto inside = [&](const Observation& row) {
    const bool in_time =
        row.time_s == kNoTime || (row.time_s > options.after_s && row.time_s <= options.until_s);
    return in_time && row.sent > 0;
  };
  ends.assign(set.route_count(), 0);
  for (const Observation& row : all) ends[row.forward.value()] += inside(row);
  std::uint32_t begin = 0;
  for (std::uint32_t& end : ends) begin += std::exchange(end, begin);
  Rows rows(begin);
  for (std::uint32_t i = 0; i < all.size(); ++i) {
    if (inside(all[i])) rows[ends[all[i].forward.value()]++] = i;
  }
  return rows;
}

// Windows of one flow next to each other and in order of time.
void sort_by_flow(const ObservationSet& set, std::span<std::uint32_t> rows) {
  std::ranges::sort(rows, [&](std::uint32_t a, std::uint32_t b) {
    const Observation& x = set.observations()[a];
    const Observation& y = set.observations()[b];
    return std::tuple(flow_key(x), x.time_s, x.sent, x.lost, a) <
           std::tuple(flow_key(y), y.time_s, y.sent, y.lost, b);
  });
}

// Without a flow name, rows of one window are different flows; so are rows of unknown path.
bool rows_are_one_flow(const ObservationSet& set, std::span<const std::uint32_t> rows) {
  const Observation& first = set.observations()[rows.front()];
  if (first.flow != kNoFlow) return true;
  if (set.at(first.forward).size() > 1) return false;
  if (first.back != kNoRoute && set.at(first.back).size() > 1) return false;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    if (set.observations()[rows[i]].time_s == set.observations()[rows[i - 1]].time_s) return false;
  }
  return true;
}

FlowRecord sum_rows(const ObservationSet& set, std::span<const std::uint32_t> rows) {
  const Observation& first = set.observations()[rows.front()];
  FlowRecord record{.src = first.src,
                    .dst = first.dst,
                    .flow = first.flow,
                    .size = first.size,
                    .dscp = first.dscp,
                    .round_trip = first.back != kNoRoute};
  std::uint64_t run = 0;
  std::size_t run_rows = 0;
  std::size_t longest_rows = 0;
  for (const std::uint32_t index : rows) {
    const Observation& row = set.observations()[index];
    record.sent += row.sent;
    record.lost += row.lost;
    const bool dead = row.lost == row.sent;
    run = dead ? run + row.sent : 0;
    run_rows = dead ? run_rows + 1 : 0;
    if (run > record.dead) {
      record.dead = run;
      longest_rows = run_rows;
    }
  }
  if (longest_rows < rows.size()) {
    const auto count = static_cast<double>(rows.size());
    record.dead_log_prior = -std::log(count * (count + 1) / 2);
  }
  return record;
}

// log of `value` in eighths of an octave: flows whose sizes differ less than 9 % count as equal.
std::int32_t size_class(std::uint64_t value) {
  return static_cast<std::int32_t>(std::lround(8 * std::log2(static_cast<double>(value))));
}

// Collects clean flows of unknown path: what all their ways share goes to the counters, the rest is
// grouped.
class CleanMixtures {
 public:
  CleanMixtures(Problem& problem, RouteExpander& expander)
      : problem_(problem), expander_(expander), ways_over_(problem.crossed.size()) {}

  void add(const FlowRecord& flow) {
    const Split& split = split_of(flow.route);
    for (const std::uint32_t link : split.shared) {
      problem_.clean_packets[link] += static_cast<double>(flow.sent);
      problem_.clean_flows[link] += 1;
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

ActiveRecord lossy_record(const FlowRecord& flow) {
  const auto lost = static_cast<double>(flow.lost);
  const double trust = std::min(1.0, kLossesTrusted / lost);
  return {.route = flow.route,
          .sent = trust * static_cast<double>(flow.sent),
          .lost = trust * lost,
          .dead = trust * static_cast<double>(flow.dead),
          .dead_log_prior = flow.dead_log_prior};
}

void add_flow(Problem& problem, CleanMixtures& mixtures, const FlowRecord& flow) {
  problem.packets += flow.sent;
  problem.lost += flow.lost;
  problem.flows.push_back(flow);
  const auto arms = problem.arms_of(flow.route);
  if (flow.lost > 0) {
    problem.active.push_back(lossy_record(flow));
  } else if (arms.size() > 1) {
    mixtures.add(flow);
  } else {
    for (const std::uint32_t link : problem.links_of(arms.front().path)) {
      problem.clean_packets[link] += static_cast<double>(flow.sent);
      problem.clean_flows[link] += 1;
    }
  }
}

// `rows` share their forward route and are sorted by flow.
void add_route(const ObservationSet& set, Problem& problem, RouteExpander& expander,
               CleanMixtures& mixtures, std::span<const std::uint32_t> rows) {
  const auto& all = set.observations();
  RouteIndex back = kNoRoute;
  std::uint32_t route = 0;
  for (std::size_t begin = 0; begin < rows.size();) {
    const Observation& first = all[rows[begin]];
    std::size_t end = begin + 1;
    while (end < rows.size() && flow_key(all[rows[end]]) == flow_key(first)) ++end;
    const auto group = rows.subspan(begin, end - begin);
    const std::size_t step = group.size() == 1 || rows_are_one_flow(set, group) ? group.size() : 1;
    if (begin == 0 || first.back != back) {
      back = first.back;
      route = expander.route(first.forward, back);
    }
    for (std::size_t i = 0; i < group.size(); i += step) {
      FlowRecord flow = sum_rows(set, group.subspan(i, step));
      flow.route = route;
      add_flow(problem, mixtures, flow);
    }
    begin = end;
  }
}

}  // namespace

Problem build_problem(const ObservationSet& set, const LocalizeOptions& options) {
  Problem problem;
  problem.clean_packets.resize(set.links().size());
  problem.clean_flows.resize(set.links().size());
  problem.crossed.resize(set.links().size());
  std::vector<std::uint32_t> ends;
  Rows rows = rows_by_route(set, options, ends);
  problem.observations = rows.size();
  problem.flows.reserve(rows.size());
  RouteExpander expander(set, rows, problem);
  CleanMixtures mixtures(problem, expander);
  std::uint32_t begin = 0;
  for (const std::uint32_t end : ends) {
    const std::span<std::uint32_t> on_route(rows.data() + begin, end - begin);
    if (on_route.size() > 1) sort_by_flow(set, on_route);
    add_route(set, problem, expander, mixtures, on_route);
    begin = end;
  }
  for (const std::uint32_t link : problem.path_links) problem.crossed[link] = 1;
  problem.lossy_count = static_cast<std::uint32_t>(problem.active.size());
  mixtures.finish();
  return problem;
}

}  // namespace faultline::localize
