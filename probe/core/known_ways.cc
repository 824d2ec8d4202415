#include "probe/core/known_ways.h"

#include <algorithm>

namespace faultline::probe_core {
namespace {

// As far as both were heard.
bool is_same(const std::vector<Hop>& left, const std::vector<Hop>& right) {
  return std::ranges::equal(left, right, [](const Hop& a, const Hop& b) {
    return !a.address || !b.address || a.address == b.address;
  });
}

}  // namespace

bool KnownWays::changed(const FlowKey& flow, Direction direction, bool complete,
                        const std::vector<Hop>& hops) {
  // A silent hop right before the far end may be the far end itself, not heard at its own distance.
  if (!complete || (!hops.empty() && !hops.back().address)) return false;
  const auto [at, is_first] = ways_.try_emplace({flow, direction}, hops);
  auto& known = at->second;
  if (is_first) return false;
  if (!is_same(known, hops)) {
    known = hops;
    return true;
  }
  for (std::size_t i = 0; i < hops.size(); ++i) {
    if (!known[i].address) known[i] = hops[i];
  }
  return false;
}

void KnownWays::keep_only(const std::function<bool(const FlowKey&)>& stays) {
  std::erase_if(ways_, [&](const auto& entry) { return !stays(entry.first.first); });
}

}  // namespace faultline::probe_core
