#include "controller/app/slo.h"

#include <cmath>

namespace faultline::app {
namespace {

constexpr double kMillion = 1e6;
constexpr Duration kMinute = std::chrono::minutes{1};

std::optional<double> scaled(std::optional<std::uint64_t> value, double unit) {
  if (!value) return std::nullopt;
  return static_cast<double>(*value) / unit;
}

}  // namespace

const std::vector<SloBook::Group*>& SloBook::groups_of(NodeId source, NodeId target) {
  const auto [known, is_new] = known_.try_emplace({source, target});
  if (!is_new) return known->second;
  known->second.push_back(&all_);
  for (auto name : groups_of_(source, target)) {
    if (groups_.size() >= api::kSloGroupsMax && !groups_.contains(name)) name = "(others)";
    auto& group = groups_[name];
    group.row.group = name;
    known->second.push_back(&group);
  }
  return known->second;
}

void SloBook::add(NodeId reporter, const Report& report) {
  const auto minute = window_start(report.window_start, kMinute);
  if (minute != minute_) judge_minute();
  minute_ = minute;
  for (const auto& flow : report.flows) {
    if (flow.sent == 0) continue;
    measured_from_ = std::min(measured_from_.value_or(report.window_start), report.window_start);
    auto& count = pairs_[{reporter, flow.target}];
    count.sent += flow.sent;
    count.lost += flow.sent - flow.answered();
  }
  for (const auto& delay : report.delays) {
    for (auto* group : groups_of(reporter, delay.target)) group->rtt.merge(delay.rtt);
  }
}

void SloBook::judge_minute() {
  for (const auto& [pair, count] : pairs_) {
    const double loss = static_cast<double>(count.lost) / static_cast<double>(count.sent);
    for (auto* group : groups_of(pair.first, pair.second)) {
      group->row.sent += count.sent;
      group->row.lost += count.lost;
      ++group->row.pair_minutes;
      if (loss >= api::kSloLossMax) ++group->row.pair_minutes_bad;
      group->loss.add(static_cast<std::uint64_t>(std::llround(loss * kMillion)));
    }
  }
  pairs_.clear();
  known_.clear();
}

void SloBook::complete(Group& group) {
  auto& row = group.row;
  if (row.pair_minutes > 0) {
    row.availability =
        1 - static_cast<double>(row.pair_minutes_bad) / static_cast<double>(row.pair_minutes);
  }
  row.loss_p50 = scaled(group.loss.quantile(0.5), kMillion);
  row.loss_p95 = scaled(group.loss.quantile(0.95), kMillion);
  row.loss_p99 = scaled(group.loss.quantile(0.99), kMillion);
  row.rtt_p50_us = scaled(group.rtt.quantile(0.5), 1000);
  row.rtt_p95_us = scaled(group.rtt.quantile(0.95), 1000);
  row.rtt_p99_us = scaled(group.rtt.quantile(0.99), 1000);
}

api::SloView SloBook::finish(api::SloGrouping by) {
  judge_minute();
  api::SloView view;
  view.by = by;
  view.measured_from = measured_from_;
  all_.row.group = "all";
  complete(all_);
  view.all = all_.row;
  for (auto& [name, group] : groups_) {
    complete(group);
    view.rows.push_back(group.row);
  }
  return view;
}

}  // namespace faultline::app
