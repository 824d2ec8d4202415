#include "controller/localize/problem.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "controller/localize/routes.h"

namespace faultline::localize {
namespace {

// Losses come in bursts: a flow's count tells its rate less exactly than as many independent losses
// would, and beyond this many it tells no more. This also keeps the peak of each flow wide enough
// for the grid of rates that score.cc searches (13 % at 50 losses).
constexpr double kLossesTrusted = 50;

using Rows = std::vector<std::uint32_t>;

auto flow_key(const Observation& row) {
  return std::tuple(row.src, row.dst, row.forward, row.back, row.flow, row.size, row.dscp);
}

// The rows inside the horizon, windows of one flow next to each other and in order of time.
Rows rows_by_flow(const ObservationSet& set, const LocalizeOptions& options) {
  const auto& all = set.observations();
  Rows rows;
  rows.reserve(all.size());
  for (std::uint32_t i = 0; i < all.size(); ++i) {
    const std::int64_t time = all[i].time_s;
    const bool inside = time == kNoTime || (time > options.after_s && time <= options.until_s);
    if (inside && all[i].sent > 0) rows.push_back(i);
  }
  std::ranges::sort(rows, [&](std::uint32_t a, std::uint32_t b) {
    const Observation& x = all[a];
    const Observation& y = all[b];
    return std::tuple(flow_key(x), x.time_s, x.sent, x.lost, a) <
           std::tuple(flow_key(y), y.time_s, y.sent, y.lost, b);
  });
  return rows;
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
      : problem_(problem), expander_(expander) {}

  void add(const FlowRecord& flow) {
    const Split& split = split_of(flow.route);
    for (const std::uint32_t link : split.shared) {
      problem_.clean_packets[link] += static_cast<double>(flow.sent);
      problem_.clean_flows[link] += 1;
    }
    if (split.route == kAllShared) return;
    Group& group = groups_[{split.route, size_class(flow.sent)}];
    group.packets += static_cast<double>(flow.sent);
    group.flows += 1;
  }

  void finish() {
    for (const auto& [key, group] : groups_) {
      problem_.active.push_back(
          {.route = key.first, .sent = group.packets / group.flows, .copies = group.flows});
    }
  }

 private:
  static constexpr std::uint32_t kAllShared = 0xffffffff;
  struct Split {
    std::vector<std::uint32_t> shared;
    std::uint32_t route = kAllShared;
  };
  struct Group {
    double packets = 0;
    double flows = 0;
  };

  const Split& split_of(std::uint32_t route) {
    const auto [it, is_new] = splits_.try_emplace(route);
    if (is_new) it->second = make_split(route);
    return it->second;
  }

  Split make_split(std::uint32_t route) {
    const auto sorted = [&](const Arm& arm) {
      const auto links = problem_.links_of(arm.path);
      std::vector<std::uint32_t> list(links.begin(), links.end());
      std::ranges::sort(list);
      return list;
    };
    const auto arms = problem_.arms_of(route);
    Split split{sorted(arms.front()), kAllShared};
    for (const Arm& arm : arms) {
      std::vector<std::uint32_t> both;
      std::ranges::set_intersection(split.shared, sorted(arm), std::back_inserter(both));
      split.shared = std::move(both);
    }
    std::vector<std::vector<std::uint32_t>> lists;
    std::vector<double> log_weights;
    for (const Arm& arm : arms) {
      std::vector<std::uint32_t>& rest = lists.emplace_back();
      std::ranges::set_difference(sorted(arm), split.shared, std::back_inserter(rest));
      log_weights.push_back(arm.log_weight);
    }
    if (std::ranges::all_of(lists, [](const auto& list) { return list.empty(); })) return split;
    const auto [it, is_new] = route_by_lists_.try_emplace({lists, log_weights}, 0);
    if (is_new) it->second = expander_.route_of_lists(lists, log_weights);
    split.route = it->second;
    return split;
  }

  Problem& problem_;
  RouteExpander& expander_;
  std::map<std::uint32_t, Split> splits_;
  std::map<std::pair<std::vector<std::vector<std::uint32_t>>, std::vector<double>>, std::uint32_t>
      route_by_lists_;
  std::map<std::pair<std::uint32_t, std::int32_t>, Group> groups_;
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

}  // namespace

Problem build_problem(const ObservationSet& set, const LocalizeOptions& options) {
  Problem problem;
  problem.clean_packets.resize(set.links().size());
  problem.clean_flows.resize(set.links().size());
  problem.crossed.resize(set.links().size());
  const Rows rows = rows_by_flow(set, options);
  problem.observations = rows.size();
  RouteExpander expander(set, rows, problem);
  CleanMixtures mixtures(problem, expander);
  const auto& all = set.observations();
  for (std::size_t begin = 0; begin < rows.size();) {
    std::size_t end = begin + 1;
    while (end < rows.size() && flow_key(all[rows[end]]) == flow_key(all[rows[begin]])) ++end;
    const std::span<const std::uint32_t> group(rows.data() + begin, end - begin);
    const std::size_t step = rows_are_one_flow(set, group) ? group.size() : 1;
    const std::uint32_t route = expander.route(all[rows[begin]].forward, all[rows[begin]].back);
    for (std::size_t i = 0; i < group.size(); i += step) {
      FlowRecord flow = sum_rows(set, group.subspan(i, step));
      flow.route = route;
      add_flow(problem, mixtures, flow);
    }
    begin = end;
  }
  for (const std::uint32_t link : problem.path_links) problem.crossed[link] = 1;
  problem.lossy_count = static_cast<std::uint32_t>(problem.active.size());
  mixtures.finish();
  return problem;
}

}  // namespace faultline::localize
