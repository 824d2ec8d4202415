#include "controller/localize/flow_rows.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

namespace faultline::localize {
namespace {

auto flow_key(const Observation& row) {
  return std::tuple(row.back, row.src, row.dst, row.flow, row.size, row.dscp);
}

}  // namespace

FlowRows::FlowRows(const ObservationSet& set, const LocalizeOptions& options) : set_(set) {
  const auto& all = set.observations();
  const auto inside = [&](const Observation& row) {
    const bool in_time =
        row.time_s == kNoTime || (row.time_s > options.after_s && row.time_s <= options.until_s);
    return in_time && row.sent > 0;
  };
  ends_.assign(set.route_count(), 0);
  for (const Observation& row : all) ends_[row.forward.value()] += inside(row);
  std::uint32_t begin = 0;
  for (std::uint32_t& end : ends_) begin += std::exchange(end, begin);
  rows_.resize(begin);
  for (std::uint32_t i = 0; i < all.size(); ++i) {
    if (inside(all[i])) rows_[ends_[all[i].forward.value()]++] = i;
  }
  begin = 0;
  for (const std::uint32_t end : ends_) {
    if (end - begin > 1) sort_route({rows_.data() + begin, end - begin});
    begin = end;
  }
}

// Windows of one flow next to each other and in order of time; often they come so.
void FlowRows::sort_route(std::span<std::uint32_t> rows) const {
  const auto before = [&](std::uint32_t a, std::uint32_t b) {
    const Observation& x = set_.observations()[a];
    const Observation& y = set_.observations()[b];
    return std::tuple(flow_key(x), x.time_s, x.sent, x.lost, a) <
           std::tuple(flow_key(y), y.time_s, y.sent, y.lost, b);
  };
  if (!std::ranges::is_sorted(rows, before)) std::ranges::sort(rows, before);
}

std::size_t FlowRows::same_key(std::span<const std::uint32_t> rows) const {
  const auto& all = set_.observations();
  std::size_t count = 1;
  while (count < rows.size() && flow_key(all[rows[count]]) == flow_key(all[rows[0]])) ++count;
  return count;
}

// Without a flow name, rows of one window are different flows; so are rows of unknown path.
bool FlowRows::are_one_flow(std::span<const std::uint32_t> rows) const {
  const Observation& first = set_.observations()[rows.front()];
  if (first.flow != kNoFlow) return true;
  if (set_.at(first.forward).size() > 1) return false;
  if (first.back != kNoRoute && set_.at(first.back).size() > 1) return false;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    if (set_.observations()[rows[i]].time_s == set_.observations()[rows[i - 1]].time_s)
      return false;
  }
  return true;
}

FlowRecord FlowRows::sum(std::span<const std::uint32_t> rows) const {
  const Observation& first = set_.observations()[rows.front()];
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
    const Observation& row = set_.observations()[index];
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

}  // namespace faultline::localize
