#include "controller/app/group_metrics.h"

#include <string>
#include <utility>
#include <vector>

namespace faultline::app {
namespace {

using obs::MetricRegistry;

std::vector<std::pair<std::string, std::string>> labels_of(const core::Group& group) {
  if (group.grouping == core::Grouping::kClass) return {{"by", "class"}, {"class", group.from}};
  return {{"by", std::string(to_string(group.grouping))}, {"from", group.from}, {"to", group.to}};
}

void expose_losses(const core::Group& group, const core::GroupSums& sums,
                   MetricRegistry& registry) {
  const auto lost = [&](const char* direction, std::uint64_t value) {
    auto labels = labels_of(group);
    labels.emplace_back("direction", direction);
    registry.expose_counter(
        {"faultline_group_packets_lost_total",
         "Of these, lost on the way there, back, or nobody knows where.", std::move(labels)},
        [value] { return static_cast<double>(value); });
  };
  lost("forward", sums.lost_forward);
  lost("return", sums.lost_return);
  lost("undetermined", sums.lost_undetermined);
}

}  // namespace

void expose_groups(const core::Solution* solution, const std::set<core::Grouping>& wanted,
                   MetricRegistry& registry) {
  if (wanted.empty()) return;
  const auto at_start = core::empty_groups(wanted);
  const bool is_judged = solution != nullptr && solution->groups != nullptr;
  const auto& table = is_judged ? *solution->groups : at_start;
  constexpr double kSecond = 1e9;
  obs::HistogramValue rtt;
  for (const auto bound : core::kGroupRttBoundsNs) {
    rtt.bounds.push_back(static_cast<double>(bound) / kSecond);
  }
  for (const auto& [group, sums] : table.groups) {
    const auto sent = sums.sent;
    registry.expose_counter(
        {"faultline_group_packets_total",
         "Packets that nodes of one group sent to measure those of another.", labels_of(group)},
        [sent] { return static_cast<double>(sent); });
    expose_losses(group, sums, registry);
    rtt.counts.assign(sums.rtt.begin(), sums.rtt.end());
    rtt.sum = sums.rtt_sum_ns / kSecond;
    registry.expose_histogram(
        {"faultline_group_rtt_seconds", "Round trips between them.", labels_of(group)}, rtt);
  }
  const auto folded = table.rows_folded;
  registry.expose_counter(
      {"faultline_group_rows_folded_total",
       "Times that a target's results were counted into the group other; growing: more groups than "
       "metrics.groups_max."},
      [folded] { return static_cast<double>(folded); });
}

}  // namespace faultline::app
