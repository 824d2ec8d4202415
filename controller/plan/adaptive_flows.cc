#include "controller/plan/adaptive_flows.h"

#include <algorithm>
#include <tuple>

#include "common/base/check.h"

namespace faultline::plan {
namespace {

constexpr std::uint32_t kNobody = 0xffffffff;
constexpr std::uint32_t kBad = 0xfffffffe;

// By link: the component that it belongs to.
using Owners = std::vector<std::uint32_t>;

// The component that the flow crosses alone, or kNobody.
std::uint32_t crossed_alone(const KnownFlow& flow, const Owners& owners) {
  std::uint32_t crossed = kNobody;
  for (const std::uint32_t link : flow.links) {
    FAULTLINE_CHECK(link < owners.size(), "links are below link_count");
    const std::uint32_t owner = owners[link];
    if (owner == kNobody || owner == crossed) continue;
    if (owner == kBad || crossed != kNobody) return kNobody;
    crossed = owner;
  }
  return crossed;
}

// Spreads flows of equal length over sources and ports (splitmix64).
std::uint64_t mixed(const FlowKey& key) {
  std::uint64_t hash = (std::uint64_t{key.source.value()} << 32 ^ key.target.value()) +
                       key.source_port * 0x9e3779b97f4a7c15ULL;
  hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9ULL;
  hash = (hash ^ hash >> 27) * 0x94d049bb133111ebULL;
  return hash ^ hash >> 31;
}

}  // namespace

std::vector<ContestedFlows> telling_flows(std::span<const Contested> contested,
                                          std::span<const std::uint32_t> bad_links,
                                          std::span<const KnownFlow> flows,
                                          std::uint32_t link_count) {
  Owners owners(link_count, kNobody);
  for (const std::uint32_t link : bad_links) owners.at(link) = kBad;
  std::vector<ContestedFlows> result;
  for (const Contested& it : contested) {
    const bool free = std::ranges::all_of(
        it.links, [&](std::uint32_t link) { return owners.at(link) == kNobody; });
    if (!free || it.links.empty()) continue;
    for (const std::uint32_t link : it.links) {
      owners[link] = static_cast<std::uint32_t>(result.size());
    }
    result.push_back({.component = it});
  }
  std::vector<std::vector<const KnownFlow*>> crossing(result.size());
  for (const KnownFlow& flow : flows) {
    const std::uint32_t component = crossed_alone(flow, owners);
    if (component != kNobody) crossing[component].push_back(&flow);
  }
  for (std::size_t i = 0; i < result.size(); ++i) {
    std::ranges::sort(crossing[i], {}, [](const KnownFlow* flow) {
      return std::tuple(flow->links.size(), mixed(flow->key), flow->key);
    });
    if (crossing[i].size() > kFlowsPerTestMax) crossing[i].resize(kFlowsPerTestMax);
    for (const KnownFlow* flow : crossing[i]) result[i].flows.push_back(*flow);
  }
  return result;
}

}  // namespace faultline::plan
