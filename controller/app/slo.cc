#include "controller/app/slo.h"

#include <cmath>

namespace faultline::app {
namespace {

constexpr double kMillion = 1e6;

std::optional<double> scaled(std::optional<std::uint64_t> value, double unit) {
  if (!value) return std::nullopt;
  return static_cast<double>(*value) / unit;
}

}  // namespace

// The steps of a pair mostly come together.
const std::vector<SloBook::Group*>& SloBook::groups_of(NodeId source, NodeId target) {
  if (!pairs_groups_.empty() && pair_ == std::pair(source, target)) return pairs_groups_;
  pair_ = {source, target};
  pairs_groups_ = {&all_};
  for (auto name : groups_of_(source, target)) {
    if (groups_.size() >= api::kSloGroupsMax && !groups_.contains(name)) name = "(others)";
    auto& group = groups_[name];
    group.row.group = name;
    pairs_groups_.push_back(&group);
  }
  return pairs_groups_;
}

void SloBook::add(const store::Rollup& step) {
  if (step.sent == 0) return;
  measured_from_ = std::min(measured_from_.value_or(step.start), step.start);
  const auto minutes = static_cast<std::uint64_t>(step_ / std::chrono::minutes{1});
  const std::uint64_t lost = step.sent - step.answered();
  const double loss = static_cast<double>(lost) / static_cast<double>(step.sent);
  for (auto* group : groups_of(step.source, step.target)) {
    auto& row = group->row;
    row.sent += step.sent;
    row.lost += lost;
    row.pair_minutes += minutes;
    if (loss >= api::kSloLossMax) row.pair_minutes_bad += minutes;
    group->loss.add(static_cast<std::uint64_t>(std::llround(loss * kMillion)));
    group->rtt.merge(step.rtt);
  }
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
  api::SloView view;
  view.by = by;
  view.step = step_;
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
