// Which flows tell about one contested component and nothing else.
//
// Why it exists: a packet that crosses two contested components cannot say which of them lost it,
// and one that crosses a component that is known to lose is noise. Raising the rate of a flow whose
// path is known beats a new flow, whose path must be traced first.
//
// Pure; linear in the flows' hops.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/model/ids.h"
#include "common/model/plan.h"

namespace faultline::plan {

// A session of a plan in force.
struct FlowKey {
  NodeId source{};
  NodeId target{};
  std::uint16_t source_port = 0;

  auto operator<=>(const FlowKey&) const = default;
};

// `links`: those of both directions, numbered as the caller likes, below the same bound as those of
// the components.
struct KnownFlow {
  FlowKey key{};
  std::vector<std::uint32_t> links{};

  bool operator==(const KnownFlow&) const = default;
};

inline constexpr std::uint32_t kTimesMax = kBoostTimesMax;

// A flow that is to send more often for a while.
struct ExtraFlow {
  FlowKey flow{};
  std::uint32_t times = 1;  // its planned rate, 2 to kTimesMax

  bool operator==(const ExtraFlow&) const = default;
};

struct Contested {
  std::string id{};
  double log_bayes = 0;
  double log_odds = 0;
  double loss = 0;  // share of packets that it would lose per crossing
  std::vector<std::uint32_t> links{};

  bool operator==(const Contested&) const = default;
};

struct ContestedFlows {
  Contested component{};
  // Those with the fewest links first, for what else they cross is noise, at most kFlowsPerTestMax;
  // none when nothing crosses the component alone.
  std::vector<KnownFlow> flows{};

  bool operator==(const ContestedFlows&) const = default;
};

// Of the flows over one component only so many are looked at further.
inline constexpr std::size_t kFlowsPerTestMax = 128;

// `contested` with the most likely first: of two that share a link (a link and its device) the
// later one is left out. Links are below `link_count`.
[[nodiscard]] std::vector<ContestedFlows> telling_flows(std::span<const Contested> contested,
                                                        std::span<const std::uint32_t> bad_links,
                                                        std::span<const KnownFlow> flows,
                                                        std::uint32_t link_count);

}  // namespace faultline::plan
