#include "controller/localize/congestion.h"

#include <algorithm>
#include <cmath>

namespace faultline::localize {
namespace {

// Links that fewer flows cross say nothing about how links scatter.
constexpr std::uint32_t kFlowsMin = 8;
// With fewer flows than this that cross nothing else that queues, all flows are taken.
constexpr std::size_t kAloneMin = 5;

struct Mean {
  float sum = 0;
  std::uint32_t count = 0;
};

// How the links' mean residuals scatter, each flow's clipped so that none rules its links.
double scatter_of_links(const ObservationSet& set, const DelayFlows& flows,
                        const DelayFit& spread) {
  const auto clip = static_cast<float>(3 * spread.sigma);
  std::vector<Mean> means(set.links().size());
  for (std::size_t i = 0; i < flows.flows.size(); ++i) {
    const float residual = spread.residual[i];
    if (!std::isfinite(residual)) continue;
    const float value = std::clamp(residual, -clip, clip);
    DelayFlows::visit_links(set, flows.flows[i], [&](std::uint32_t link) {
      means[link].sum += value;
      ++means[link].count;
    });
  }
  std::vector<float> levels;
  for (const Mean& mean : means) {
    if (mean.count >= kFlowsMin) levels.push_back(mean.sum / static_cast<float>(mean.count));
  }
  if (levels.empty()) return 0;
  const float middle = quantile_of(levels, 0.5);
  return robust_sigma(std::move(levels), middle);
}

struct Values {
  std::vector<float> alone;  // of flows that cross nothing else that queues
  std::vector<float> all;
};

// Links to what holds them, for footprints and for components known to queue.
class Index {
 public:
  explicit Index(std::size_t links) : over_(links), held_(links) {}

  void add(std::span<const std::uint32_t> links, std::uint32_t value) {
    for (const std::uint32_t link : links) {
      over_[link].push_back(value);
      held_[link] = 1;
    }
  }
  // Whether collect() would find any; most flows cross none.
  [[nodiscard]] bool holds_any(const ObservationSet& set, const DelayFlow& flow) const {
    std::uint8_t any = 0;
    DelayFlows::visit_links(set, flow, [&](std::uint32_t link) { any |= held_[link]; });
    return any != 0;
  }
  void collect(const ObservationSet& set, const DelayFlow& flow,
               std::vector<std::uint32_t>& result) const {
    result.clear();
    DelayFlows::visit_links(set, flow, [&](std::uint32_t link) {
      result.insert(result.end(), over_[link].begin(), over_[link].end());
    });
    if (result.size() < 2) return;
    std::ranges::sort(result);
    result.erase(std::unique(result.begin(), result.end()), result.end());
  }

 private:
  std::vector<std::vector<std::uint32_t>> over_;
  std::vector<std::uint8_t> held_;
};

// By footprint and queue: whether they share a link, and so may be the same thing.
std::vector<std::vector<bool>> overlaps(const ComponentTable& components, const SlowSearch& queues,
                                        const std::vector<std::vector<std::uint32_t>>& footprints) {
  std::vector<std::vector<bool>> result;
  for (const auto& footprint : footprints) {
    std::vector<bool>& row = result.emplace_back();
    for (const SlowComponent& queue : queues.found) {
      const auto links = components.links_of(queue.component);
      row.push_back(std::ranges::any_of(
          links, [&](std::uint32_t link) { return std::ranges::binary_search(footprint, link); }));
    }
  }
  return result;
}

}  // namespace

double spread_needed(double loss) {
  if (loss >= kBusyShare) return std::numeric_limits<double>::infinity();
  const double q = std::max(loss, 1e-6);
  return kBufferMinUs * std::log(kBusyShare / 0.05) / std::log(kBusyShare / q);
}

Spreads measure_spreads(const ObservationSet& set, const DelayFlows& flows, const DelayFit& spread,
                        const ComponentTable& components, const SlowSearch& queues,
                        const std::vector<std::vector<std::uint32_t>>& footprints) {
  Spreads result;
  result.excess.resize(footprints.size());
  if (footprints.empty()) return result;
  result.scatter = scatter_of_links(set, flows, spread);
  Index wanted(set.links().size());
  for (std::uint32_t i = 0; i < footprints.size(); ++i) wanted.add(footprints[i], i);
  Index queueing(set.links().size());
  for (std::uint32_t i = 0; i < queues.found.size(); ++i) {
    queueing.add(components.links_of(queues.found[i].component), i);
  }
  const auto same = overlaps(components, queues, footprints);
  std::vector<Values> values(footprints.size());
  std::vector<std::uint32_t> hit;
  std::vector<std::uint32_t> others;
  for (std::size_t i = 0; i < flows.flows.size(); ++i) {
    const float residual = spread.residual[i];
    if (!std::isfinite(residual) || !wanted.holds_any(set, flows.flows[i])) continue;
    wanted.collect(set, flows.flows[i], hit);
    queueing.collect(set, flows.flows[i], others);
    for (const std::uint32_t footprint : hit) {
      values[footprint].all.push_back(residual);
      const bool alone =
          std::ranges::all_of(others, [&](std::uint32_t queue) { return same[footprint][queue]; });
      if (alone) values[footprint].alone.push_back(residual);
    }
  }
  for (std::size_t i = 0; i < footprints.size(); ++i) {
    auto& chosen = values[i].alone.size() >= kAloneMin ? values[i].alone : values[i].all;
    if (!chosen.empty()) result.excess[i] = quantile_of(chosen, 0.5);
  }
  return result;
}

bool is_congestion(const Spreads& spreads, std::size_t footprint, double loss) {
  const auto& excess = spreads.excess[footprint];
  return excess &&
         *excess >= std::max({kSpreadMinUs, kSpreadSigmas * spreads.scatter, spread_needed(loss)});
}

}  // namespace faultline::localize
