#include "controller/core/group_series.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "controller/core/places.h"
#include "controller/detect/limits.h"

namespace faultline::core {
namespace {

constexpr std::string_view kOther = "other";
constexpr std::string_view kNoLabel = "none";  // a node without a zone, or a rack

std::string named(const std::string& label) {
  return label.empty() ? std::string(kNoLabel) : label;
}

Group group_of(Grouping grouping, const Place& from, const Place& to) {
  switch (grouping) {
    case Grouping::kZone:
      return {grouping, named(from.zone), named(to.zone)};
    case Grouping::kRack:
      return {grouping, named(from.rack), named(to.rack)};
    case Grouping::kClass:
      break;
  }
  const auto pair_class = detect::class_of({.is_vm = from.is_vm, .zone = from.zone},
                                           {.is_vm = to.is_vm, .zone = to.zone});
  return {grouping, std::string(to_string(pair_class)), {}};
}

void add(const FlowWindow& flow, GroupSums& sums) {
  sums.sent += flow.sent;
  sums.lost_forward += flow.lost_forward;
  sums.lost_return += flow.lost_return;
  sums.lost_undetermined += flow.lost_undetermined;
  sums.rtt_sum_ns += static_cast<double>(flow.rtt_mean_ns) * flow.answered();
}

void add(const stats::Histogram& rtt, GroupSums& sums) {
  for (const auto& bucket : rtt.buckets()) {
    const auto edge = stats::Histogram::bucket_high(bucket.index);
    const auto bound = std::ranges::lower_bound(kGroupRttBoundsNs, edge);
    sums.rtt[static_cast<std::size_t>(bound - kGroupRttBoundsNs.begin())] += bucket.count;
  }
}

// The sums of one report's targets, which come in runs.
class Targets {
 public:
  using Find = std::function<std::vector<GroupSums*>(NodeId)>;
  explicit Targets(Find find) : find_(std::move(find)) {}

  const std::vector<GroupSums*>& of(NodeId target) {
    if (target != target_) {
      sums_ = find_(target);
      target_ = target;
    }
    return sums_;
  }

 private:
  Find find_;
  NodeId target_{};  // no node
  std::vector<GroupSums*> sums_;
};

}  // namespace

std::string_view to_string(Grouping grouping) {
  switch (grouping) {
    case Grouping::kZone:
      return "zone";
    case Grouping::kRack:
      return "rack";
    case Grouping::kClass:
      return "class";
  }
  return "?";
}

std::optional<Grouping> parse_grouping(std::string_view name) {
  for (const auto grouping : {Grouping::kZone, Grouping::kRack, Grouping::kClass}) {
    if (name == to_string(grouping)) return grouping;
  }
  return std::nullopt;
}

GroupTable empty_groups(const std::set<Grouping>& groupings) {
  GroupTable table;
  if (!groupings.contains(Grouping::kClass)) return table;
  for (std::size_t i = 0; i < detect::kPairClasses; ++i) {
    const auto name = to_string(static_cast<detect::PairClass>(i));
    table.groups[{Grouping::kClass, std::string(name), {}}];
  }
  return table;
}

GroupSums& GroupSeries::sums_of(Group group) {
  if (const auto known = table_.groups.find(group); known != table_.groups.end()) {
    return known->second;
  }
  if (named_ < options_.groups_max) {
    ++named_;
    return table_.groups[std::move(group)];
  }
  ++table_.rows_folded;
  return table_.groups[{group.grouping, std::string(kOther), std::string(kOther)}];
}

void GroupSeries::take(const Window& window, const SolveJob& job, Places& places) {
  static const std::set<NodeId> kNobody;
  for (const auto& [node, report] : window) {
    const auto away = job.excused.find(report->window_start);
    const auto& excused = away == job.excused.end() ? kNobody : away->second;
    if (excused.contains(node)) continue;
    const auto find = [&, &from = places.of(node)](NodeId target) {
      std::vector<GroupSums*> sums;
      if (excused.contains(target)) return sums;
      for (const auto grouping : options_.groupings) {
        sums.push_back(&sums_of(group_of(grouping, from, places.of(target))));
      }
      return sums;
    };
    Targets of_flows(find);
    for (const auto& flow : report->flows) {
      for (auto* sums : of_flows.of(flow.target)) add(flow, *sums);
    }
    Targets of_delays(find);
    for (const auto& delay : report->delays) {
      for (auto* sums : of_delays.of(delay.target)) add(delay.rtt, *sums);
    }
  }
}

void GroupSeries::judge(const SolveJob& job, Solution& solution) {
  if (options_.groupings.empty()) return;
  Places places(*job.topology);
  for (const auto& window : job.ripe.windows) take(window, job, places);
  solution.groups = std::make_shared<const GroupTable>(table_);
}

}  // namespace faultline::core
