#include "controller/localize/delay_flows.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <tuple>
#include <utility>

namespace faultline::localize {
namespace {

// Windows of a horizon without a past of its own: fewer than this are all "now".
constexpr std::size_t kWindowsToSplit = 4;

using Rows = std::vector<std::uint32_t>;

auto flow_key(const Observation& row) {
  return std::tuple(row.forward, row.back, row.flow, row.src, row.dst, row.size, row.dscp);
}

bool is_measured(const ObservationSet& set, const Observation& row) {
  if (row.delay == 0) return false;
  if (set.at(row.forward).size() != 1) return false;
  return row.back == kNoRoute || set.at(row.back).size() == 1;
}

// Grouped by their forward route first, which takes two passes and no sorting; within a route those
// of one flow come next to each other, in order of time.
Rows measured_rows(const ObservationSet& set, std::int64_t until_s) {
  const auto& all = set.observations();
  const auto counts = [&](const Observation& row) {
    return is_measured(set, row) && (row.time_s == kNoTime || row.time_s <= until_s);
  };
  Rows counting;
  counting.reserve(all.size());
  std::vector<std::uint32_t> ends(set.route_count());
  for (std::uint32_t i = 0; i < all.size(); ++i) {
    if (!counts(all[i])) continue;
    counting.push_back(i);
    ++ends[all[i].forward.value()];
  }
  std::uint32_t begin = 0;
  for (std::uint32_t& end : ends) begin += std::exchange(end, begin);
  Rows rows(begin);
  for (const std::uint32_t row : counting) rows[ends[all[row].forward.value()]++] = row;
  const auto before = [&](std::uint32_t a, std::uint32_t b) {
    return std::tuple(flow_key(all[a]), all[a].time_s, a) <
           std::tuple(flow_key(all[b]), all[b].time_s, b);
  };
  begin = 0;
  for (const std::uint32_t end : ends) {
    const std::span on_route(rows.data() + begin, end - begin);
    if (!std::ranges::is_sorted(on_route, before)) std::ranges::sort(on_route, before);
    begin = end;
  }
  return rows;
}

// When the windows of the rows end, each once, in order.
std::vector<std::int64_t> window_ends(const ObservationSet& set, const Rows& rows) {
  std::vector<std::int64_t> times;
  for (const std::uint32_t row : rows) {
    const std::int64_t time = set.observations()[row].time_s;
    if (time != kNoTime && (times.empty() || times.back() != time)) times.push_back(time);
  }
  std::ranges::sort(times);
  times.erase(std::unique(times.begin(), times.end()), times.end());
  return times;
}

// The end of the last window of the past, or kNoTime when there is none.
std::int64_t end_of_past(const std::vector<std::int64_t>& times, std::int64_t after_s) {
  if (times.empty()) return kNoTime;
  if (after_s != kNoTime && times.front() <= after_s) return after_s;
  if (times.size() < kWindowsToSplit) return kNoTime;
  return times[times.size() - 1 - std::max<std::size_t>(2, times.size() / 3)];
}

float median(std::vector<float>& values) {
  if (values.empty()) return std::numeric_limits<float>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

class Levels {
 public:
  void clear() {
    p50_.clear();
    spread_.clear();
  }
  void add(const Delay& delay) {
    const float middle = middle_us(delay);
    if (std::isfinite(middle)) p50_.push_back(middle);
    if (std::isfinite(middle) && std::isfinite(delay.p95_us)) {
      spread_.push_back(delay.p95_us - middle);
    }
  }
  DelayLevel level() { return {median(p50_), median(spread_)}; }

 private:
  std::vector<float> p50_;
  std::vector<float> spread_;
};

}  // namespace

DelayFlows collect_delays(const ObservationSet& set, const LocalizeOptions& options) {
  const auto& all = set.observations();
  DelayFlows result;
  result.rows = measured_rows(set, options.until_s);
  const Rows& rows = result.rows;
  const std::vector<std::int64_t> times = window_ends(set, rows);
  result.now_from_s = end_of_past(times, options.after_s);
  result.has_past = result.now_from_s != kNoTime;
  result.flows.reserve(rows.size() / std::max<std::size_t>(1, times.size()));
  Levels now;
  Levels before;
  for (std::size_t begin = 0; begin < rows.size();) {
    const Observation& first = all[rows[begin]];
    DelayFlow flow{.src = first.src,
                   .dst = first.dst,
                   .forward = set.at(first.forward).front().path,
                   .back = {},
                   .round_trip = first.back != kNoRoute,
                   .first_row = static_cast<std::uint32_t>(begin),
                   .now = {},
                   .before = {}};
    if (flow.round_trip) flow.back = set.at(first.back).front().path;
    now.clear();
    before.clear();
    std::size_t end = begin;
    for (; end < rows.size() && flow_key(all[rows[end]]) == flow_key(first); ++end) {
      const Observation& row = all[rows[end]];
      const bool past = result.has_past && row.time_s != kNoTime && row.time_s <= result.now_from_s;
      (past ? before : now).add(set.delay(row.delay));
      if (past) continue;
      flow.sent += row.sent;
      flow.lost += row.lost;
    }
    flow.row_count = static_cast<std::uint32_t>(end - begin);
    flow.now = now.level();
    flow.before = before.level();
    if (std::isfinite(flow.now.p50)) result.flows.push_back(flow);
    begin = end;
  }
  return result;
}

}  // namespace faultline::localize
