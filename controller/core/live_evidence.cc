#include "controller/core/live_evidence.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "common/base/check.h"

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
constexpr std::uint64_t kRateLossesMin = 20;  // for a rate that is worth the name
// Less likely than this, what a window lost is not a busy link's; nor what all but the worst windows
// lost. In a month fifty hosts give a hundred thousand half hours of a link, and no page may come of
// them; before that the localizer must be sure, and for two windows of three.
constexpr double kNewestChance = 1e-4;
constexpr double kRestChance = 1e-5;
constexpr double kBackgroundMax = 1e-3;  // where hardly a row is left to tell
// Healthy links are not alike: a busy one loses so many times what the average one does.
constexpr double kBusyLink = 2;
constexpr std::size_t kBurstsMax = 2;  // of one link in a verdict's time that are no fault

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

// P(X >= count).
double poisson_at_least(std::uint64_t count, double mean) {
  return count == 0 ? 1 : 1 - poisson_at_most(count - 1, mean);
}

// Of a block that reaches into what finer ones tell in full, the part before these.
CrossedBlock without_finer(CrossedBlock block, std::int64_t block_s,
                           const std::map<std::int64_t, CrossedBlock, std::greater<>>& finer) {
  for (auto it = finer.lower_bound(block.end_s);
       it != finer.end() && it->first > block.end_s - block_s; ++it) {
    block.sent -= std::min(block.sent, it->second.sent);
    block.lost -= std::min(block.lost, it->second.lost);
  }
  return block;
}

// What a count may be by chance where so many were seen, at the low end of 95 %.
double low_count(std::uint64_t count) {
  const auto n = static_cast<double>(count);
  return std::max(0.0, n - 1.645 * std::sqrt(n));
}

// The rate that `blocks`, newest first, lost at the latest when they lost: over all of them, or
// over fewer that hold enough losses. Many faults of one link are apart; their average is none of
// them.
double latest_rate(std::span<const CrossedBlock> blocks, std::int64_t since_s) {
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;
  double rate = 0;
  for (const auto& block : blocks) {
    if (block.end_s <= since_s) break;
    sent += block.sent;
    lost += block.lost;
    if (lost >= kRateLossesMin) {
      rate = std::max(rate, low_count(lost) / static_cast<double>(sent));
    }
  }
  return sent == 0 ? 0 : std::max(rate, low_count(lost) / static_cast<double>(sent));
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
      const auto& [first, second] = std::minmax(set.at(link.from).id, set.at(link.to).id);
      covered[i] = first + "=" + second == suspect.id || second + "=" + first == suspect.id;
    }
  }
  return covered;
}

}  // namespace

Crossings::Crossings(const ObservationSet& set, std::span<const Suspect> suspects)
    : size_(suspects.size()), by_route_(set.route_count()) {
  FAULTLINE_CHECK(suspects.size() <= kSuspectsMax, "one bit each");
  std::vector<Mask> by_link(set.links().size());
  for (std::size_t i = 0; i < suspects.size(); ++i) {
    const auto covered = covered_links(set, suspects[i]);
    for (std::size_t link = 0; link < covered.size(); ++link) {
      if (covered[link]) by_link[link] |= Mask{1} << i;
    }
  }
  for (std::uint32_t i = 0; !suspects.empty() && i < by_route_.size(); ++i) {
    for (const auto& candidate : set.at(localize::RouteIndex{i})) {
      for (const auto link : set.at(candidate.path)) by_route_[i] |= by_link[link.value()];
    }
  }
}

std::vector<CrossedBlocks> crossed_blocks(const Stream& stream, Horizon horizon,
                                          const Crossings& suspects, const Crossings& explained,
                                          SharedRows shared) {
  using ByEnd = std::map<std::int64_t, CrossedBlock, std::greater<>>;
  std::vector<ByEnd> found(suspects.size());
  std::int64_t ends_by_s = std::numeric_limits<std::int64_t>::max();
  for (const Horizon ring : localize::kHorizons) {
    if (ring > horizon) break;
    std::vector<ByEnd> coarse(suspects.size());
    stream.visit(ring, [&](const Stream::Key& key, std::int64_t end_s, std::uint64_t sent,
                           std::uint64_t lost, const localize::Delay*) {
      auto mask = suspects(key);
      if (mask == 0 || sent == 0 || explained(key) != 0) return;
      if (shared == SharedRows::kLeftOut && !std::has_single_bit(mask)) return;
      for (; mask != 0; mask &= mask - 1) {
        auto& block = coarse[static_cast<std::size_t>(std::countr_zero(mask))][end_s];
        block = {end_s, block.sent + sent, block.lost + lost};
      }
    });
    for (std::size_t i = 0; i < found.size(); ++i) {
      for (const auto& [end_s, block] : coarse[i]) {
        if (end_s - stream.block_seconds(ring) >= ends_by_s) continue;
        const auto rest = without_finer(block, stream.block_seconds(ring), found[i]);
        if (rest.sent == 0) continue;
        found[i][std::min(end_s, ends_by_s)] = {std::min(end_s, ends_by_s), rest.sent, rest.lost};
      }
    }
    ends_by_s = stream.begins_after_s(ring);
  }
  std::vector<CrossedBlocks> result(suspects.size());
  for (std::size_t i = 0; i < suspects.size(); ++i) {
    for (const auto& [end_s, block] : found[i]) result[i].push_back(block);
  }
  return result;
}

bool is_borne_out(double loss_low, const CrossedBlocks& blocks, std::int64_t newest_end_s) {
  if (blocks.empty() || blocks.front().end_s != newest_end_s) return false;
  const auto& newest = blocks.front();
  const double expected = loss_low * static_cast<double>(newest.sent);
  return newest.lost > 0 && poisson_at_most(newest.lost, expected) >= kHealedChance;
}

bool is_borne_out_lately(const LateClaim& claim, const CrossedBlocks& blocks,
                         std::int64_t newest_end_s) {
  // Routed around, or healed and drained: who does not cross it cannot suffer from it.
  if (blocks.empty() || blocks.front().end_s != newest_end_s) return false;
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;
  for (std::size_t i = 0; i < blocks.size() && blocks[i].end_s > claim.since_s; ++i) {
    sent += blocks[i].sent;
    lost += blocks[i].lost;
    const auto before = std::span(blocks).subspan(i + 1);
    const double rate = std::max(claim.loss_low, latest_rate(before, claim.since_s));
    if (poisson_at_most(lost, rate * static_cast<double>(sent)) < kHealedChance) return false;
  }
  return lost > 0;
}

double background_of(const Stream& stream, Horizon horizon, const Crossings& suspects) {
  std::uint64_t all_sent = 0;
  std::uint64_t all_lost = 0;
  stream.visit(horizon, [&](const Stream::Key& key, std::int64_t, std::uint64_t sent,
                            std::uint64_t lost, const localize::Delay*) {
    if (suspects(key) != 0) return;
    all_sent += sent;
    all_lost += lost;
  });
  const double seen = (static_cast<double>(all_lost) + 0.5) / (static_cast<double>(all_sent) + 1);
  return std::min(seen, kBackgroundMax);
}

bool is_corroborated(std::int64_t since_s, const CrossedBlocks& blocks, double background,
                     std::int64_t newest_end_s) {
  const auto chance = [&](std::uint64_t lost, std::uint64_t sent) {
    return poisson_at_least(lost, kBusyLink * background * static_cast<double>(sent));
  };
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;
  std::array<CrossedBlock, kBurstsMax> worst{};  // worst first
  for (CrossedBlock block : blocks) {
    if (block.end_s <= since_s) break;
    if (block.end_s == newest_end_s && chance(block.lost, block.sent) < kNewestChance) return true;
    sent += block.sent;
    lost += block.lost;
    for (auto& known : worst) {
      if (block.lost > known.lost) std::swap(block, known);
    }
  }
  for (const auto& block : worst) {
    sent -= block.sent;
    lost -= block.lost;
  }
  return chance(lost, sent) < kRestChance;
}

std::vector<std::vector<std::string>> affected_by(const Stream& stream, Horizon horizon,
                                                  const ObservationSet& set,
                                                  std::span<const Suspect> suspects) {
  const Crossings crosses(set, suspects);
  Crossings::Mask lossy_only = 0;
  for (std::size_t i = 0; i < suspects.size(); ++i) {
    if (suspects[i].loss > 0) lossy_only |= Crossings::Mask{1} << i;
  }
  std::vector<std::set<DeviceIndex>> ends(suspects.size());
  stream.visit(horizon, [&](const Stream::Key& key, std::int64_t, std::uint64_t, std::uint64_t lost,
                            const localize::Delay*) {
    for (auto mask = crosses(key) & (lost > 0 ? ~Crossings::Mask{0} : ~lossy_only); mask != 0;
         mask &= mask - 1) {
      auto& of_suspect = ends[static_cast<std::size_t>(std::countr_zero(mask))];
      of_suspect.insert(key.src);
      of_suspect.insert(key.dst);
    }
  });
  std::vector<std::vector<std::string>> result;
  for (const auto& of_suspect : ends) {
    auto& names = result.emplace_back();
    for (const DeviceIndex end : of_suspect) names.push_back(set.at(end).id);
    std::ranges::sort(names);
  }
  return result;
}

}  // namespace faultline::core
