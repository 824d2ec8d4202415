#include "controller/core/live_evidence.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace faultline::core {
namespace {

using localize::DeviceIndex;
using localize::Horizon;
using localize::ObservationSet;
using localize::Stream;
using localize::Suspect;
using localize::SuspectKind;

// Windows as clean as this, were the fault still there, mean that it is healed.
constexpr double kHealedChance = 0.01;

// P(X <= count) for X ~ Poisson(mean); beyond 100 by the normal approximation.
double poisson_at_most(std::uint64_t count, double mean) {
  if (mean > 100) {
    return 0.5 * std::erfc((mean - static_cast<double>(count) - 0.5) / std::sqrt(2 * mean));
  }
  double term = std::exp(-mean);
  double sum = term;
  for (std::uint64_t k = 1; k <= count; ++k) {
    term *= mean / static_cast<double>(k);
    sum += term;
  }
  return sum;
}

std::vector<bool> covered_links(const ObservationSet& set, const Suspect& suspect) {
  std::vector<bool> inside(set.devices().size());  // the device itself, or a hypervisor's members
  const bool is_whole = suspect.kind > SuspectKind::kCable;
  for (std::uint32_t i = 0; is_whole && i < set.devices().size(); ++i) {
    inside[i] = set.devices()[i].id == suspect.id;
  }
  for (const auto& it : set.memberships()) {
    if (is_whole && set.at(it.container).id == suspect.id) inside[it.member.value()] = true;
  }
  std::vector<bool> covered(set.links().size());
  for (std::uint32_t i = 0; i < set.links().size(); ++i) {
    const auto& link = set.links()[i];
    if (is_whole) {
      covered[i] = inside[link.from.value()] || inside[link.to.value()];
    } else if (suspect.kind == SuspectKind::kLink) {
      covered[i] = link.id == suspect.id;
    } else {
      covered[i] = std::minmax(set.at(link.from).id, set.at(link.to).id) ==
                   std::minmax(suspect.from, suspect.to);
    }
  }
  return covered;
}

}  // namespace

Crossing::Crossing(const ObservationSet& set, const Suspect& suspect) : set_(set) {
  const auto covered = covered_links(set, suspect);
  crossed_.resize(set.path_count());
  for (std::uint32_t i = 0; i < set.path_count(); ++i) {
    crossed_[i] = std::ranges::any_of(set.at(localize::PathIndex{i}),
                                      [&](auto link) { return covered[link.value()]; });
  }
}

bool Crossing::crosses(localize::RouteIndex route) const {
  if (route == localize::kNoRoute) return false;
  return std::ranges::any_of(set_.at(route), [&](const localize::WeightedPath& candidate) {
    return crossed_[candidate.path.value()];
  });
}

std::vector<std::vector<CrossedBlock>> crossed_blocks(const Stream& stream, Horizon horizon,
                                                      std::span<const Crossing> suspects,
                                                      std::span<const Crossing> explained) {
  std::vector<std::map<std::int64_t, CrossedBlock, std::greater<>>> found(suspects.size());
  // A block that reaches into what a shorter horizon tells in full is left out.
  std::int64_t ends_by_s = std::numeric_limits<std::int64_t>::max();
  for (const Horizon ring : localize::kHorizons) {
    if (ring > horizon) break;
    stream.visit(ring, [&](const Stream::Key& key, std::int64_t end_s, std::uint64_t sent,
                           std::uint64_t lost, const localize::Delay*) {
      if (sent == 0 || end_s > ends_by_s) return;
      bool is_explained = false;
      bool is_asked = false;
      for (std::size_t i = 0; i < suspects.size(); ++i) {
        if (is_explained || !suspects[i](key)) continue;
        if (!is_asked) {
          is_explained =
              std::ranges::any_of(explained, [&](const Crossing& it) { return it(key); });
          is_asked = true;
          if (is_explained) continue;
        }
        auto& block = found[i][end_s];
        block = {end_s, block.sent + sent, block.lost + lost};
      }
    });
    ends_by_s = stream.begins_after_s(ring);
  }
  std::vector<std::vector<CrossedBlock>> result(suspects.size());
  for (std::size_t i = 0; i < suspects.size(); ++i) {
    for (const auto& [end_s, block] : found[i]) result[i].push_back(block);
  }
  return result;
}

bool is_borne_out(const Suspect& suspect, std::span<const CrossedBlock> blocks,
                  std::int64_t newest_end_s) {
  if (blocks.empty() || blocks.front().end_s != newest_end_s) return false;
  const auto& newest = blocks.front();
  const double expected = suspect.loss_low * static_cast<double>(newest.sent);
  return newest.lost > 0 && poisson_at_most(newest.lost, expected) >= kHealedChance;
}

bool is_borne_out_lately(const Suspect& suspect, std::span<const CrossedBlock> blocks) {
  std::uint64_t lost = 0;
  double expected = 0;
  for (const auto& block : blocks) {
    lost += block.lost;
    expected += suspect.loss_low * static_cast<double>(block.sent);
    if (poisson_at_most(lost, expected) < kHealedChance) return false;
  }
  return lost > 0;
}

std::vector<std::string> affected_by(const Stream& stream, Horizon horizon,
                                     const ObservationSet& set, const Suspect& suspect) {
  const Crossing crosses(set, suspect);
  std::set<DeviceIndex> ends;
  stream.visit(horizon, [&](const Stream::Key& key, std::int64_t, std::uint64_t, std::uint64_t lost,
                            const localize::Delay*) {
    if ((suspect.loss > 0 && lost == 0) || !crosses(key)) return;
    ends.insert(key.src);
    ends.insert(key.dst);
  });
  std::set<std::string> names;
  for (const DeviceIndex end : ends) names.insert(set.at(end).id);
  return {names.begin(), names.end()};
}

}  // namespace faultline::core
