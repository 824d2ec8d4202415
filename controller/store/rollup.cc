#include "controller/store/rollup.h"

#include <algorithm>
#include <array>

#include "controller/store/columns.h"
#include "controller/store/parts.h"

namespace faultline::store {
namespace {

constexpr std::uint64_t kRollupLayout = 1;
constexpr std::size_t kStepsMax = 10'000;

constexpr std::array kRollupCounts{&Rollup::flow_windows,      &Rollup::sent,
                                   &Rollup::lost_forward,      &Rollup::lost_return,
                                   &Rollup::lost_undetermined, &Rollup::late};
constexpr std::array kDelays{&Rollup::rtt_min_ns, &Rollup::rtt_mean_ns, &Rollup::rtt_max_ns};

template <unsigned kShift, typename Fields>
void put_fields(BitWriter& bits, const RollupSteps& steps, const Fields& fields) {
  Column column;
  for (const auto field : fields) {
    column.clear();
    for (const auto& [number, rollup] : steps) {
      column.push_back(static_cast<std::int64_t>(rollup.*field));
    }
    put_column<kShift>(bits, column);
  }
}

template <unsigned kShift, typename Fields>
void take_fields(BitReader& bits, std::span<Rollup> rollups, const Fields& fields) {
  Column column;
  for (const auto field : fields) {
    take_column<kShift>(bits, rollups.size(), column);
    for (std::size_t i = 0; i < rollups.size(); ++i) {
      rollups[i].*field = static_cast<std::uint64_t>(column[i]);
    }
  }
}

bool add_part(std::string_view bytes, RollupSteps& steps) {
  BitReader bits{bytes};
  if (bits.take_varint() != kRollupLayout) return false;
  std::vector<std::uint32_t> numbers(bits.take_count(kStepsMax));
  std::uint64_t number = 0;
  for (auto& each : numbers) {
    number += bits.take_varint();
    each = static_cast<std::uint32_t>(number);
  }
  std::vector<Rollup> rollups(numbers.size());
  take_fields<0>(bits, rollups, kRollupCounts);
  take_fields<2>(bits, rollups, kDelays);
  HistogramColumn histograms;
  for (Rollup& rollup : rollups) {
    auto rtt = histograms.take(bits);
    if (!rtt) return false;
    rollup.rtt = *std::move(rtt);
  }
  if (!bits.done()) return false;
  for (std::size_t i = 0; i < rollups.size(); ++i) steps[numbers[i]].merge(rollups[i]);
  return true;
}

}  // namespace

void Rollup::add(const FlowWindow& flow) {
  merge({.flow_windows = 1,
         .sent = flow.sent,
         .lost_forward = flow.lost_forward,
         .lost_return = flow.lost_return,
         .lost_undetermined = flow.lost_undetermined,
         .late = flow.late,
         .rtt_min_ns = flow.rtt_min_ns,
         .rtt_mean_ns = flow.rtt_mean_ns,
         .rtt_max_ns = flow.rtt_max_ns});
}

void Rollup::merge(const Rollup& other) {
  const std::uint64_t here = answered();
  const std::uint64_t there = other.answered();
  if (there > 0) {
    rtt_min_ns = here > 0 ? std::min(rtt_min_ns, other.rtt_min_ns) : other.rtt_min_ns;
    rtt_max_ns = std::max(rtt_max_ns, other.rtt_max_ns);
    const double sum = static_cast<double>(rtt_mean_ns) * static_cast<double>(here) +
                       static_cast<double>(other.rtt_mean_ns) * static_cast<double>(there);
    rtt_mean_ns = static_cast<std::uint64_t>(sum / static_cast<double>(here + there) + 0.5);
  }
  flow_windows += other.flow_windows;
  sent += other.sent;
  lost_forward += other.lost_forward;
  lost_return += other.lost_return;
  lost_undetermined += other.lost_undetermined;
  late += other.late;
  if (!other.rtt.buckets().empty()) rtt.merge(other.rtt);
}

std::string encode_rollups(const RollupSteps& steps) {
  BitWriter bits;
  bits.put_varint(kRollupLayout);
  bits.put_varint(steps.size());
  std::uint32_t before = 0;
  for (const auto& [number, rollup] : steps) {
    bits.put_varint(number - before);
    before = number;
  }
  put_fields<0>(bits, steps, kRollupCounts);
  put_fields<2>(bits, steps, kDelays);
  HistogramColumn histograms;
  for (const auto& [number, rollup] : steps) histograms.put(bits, rollup.rtt);
  return as_part(bits.finish());
}

bool add_rollups(std::string_view value, RollupSteps& steps) {
  return for_each_part(value, [&](std::string_view part) { return add_part(part, steps); });
}

}  // namespace faultline::store
