// Plan: what the controller tells one probe to measure. Always whole, never a difference, so that a
// probe can persist it and go on measuring through a controller outage until the lease ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/model/address.h"
#include "common/model/ids.h"

namespace faultline {

// Hard limits of the probe that no plan can exceed (DESIGN.md decision 6); larger plans are
// refused.
inline constexpr std::size_t kPlanPeersMax = 4096;
inline constexpr std::size_t kPlanFlowsMax = 4096;
inline constexpr std::uint32_t kPacketsPerSecondMax = 100'000;
inline constexpr std::uint32_t kTracesPerSecondMax = 1'000;
// To one address: room for 16 ports (a probe's usual number) with a packet every 10 ms each.
inline constexpr std::uint32_t kPacketsPerSecondPerPairMax = 2'000;
// Of IP packets: 100 Mbit/s, a hundredth of a slow server's interface. As many of the smallest
// packets as kPacketsPerSecondMax allows fit, but not as many large ones.
inline constexpr std::uint64_t kBytesPerSecondMax = 12'500'000;
// To one group of destinations (a rack), where the plan says nothing: 10 times a node's whole
// budget by default, so that it bounds what is set beyond that.
inline constexpr std::uint32_t kPacketsPerSecondPerGroupMax = 10'000;
inline constexpr Duration kTraceIntervalMin = std::chrono::milliseconds{1};
inline constexpr Duration kTraceIntervalMax = std::chrono::hours{1};
// Of PlanFlow::size: as small as fits any TLV, as large as a reflector takes.
inline constexpr std::uint16_t kFlowSizeMin = 256;
inline constexpr std::uint16_t kFlowSizeMax = 2000;
inline constexpr std::uint8_t kDscpMax = 63;

// Another node of the fleet: who may be probed, who is answered by the reflector, who is trusted on
// the mesh.
struct PlanPeer {
  NodeId node{};
  std::string name{};
  IpAddress address{};
  std::uint16_t reflector_port = 862;
  std::uint16_t mesh_port = 0;  // 0: not reachable by mesh
  PublicKey key{};
  std::optional<PublicKey> second_key{};  // while it changes keys: as good as `key`
  bool authenticates = false;  // answers and sends authenticated STAMP (kCapabilityAuthenticate)
  std::uint16_t group = 0;     // its rack, a number; 0: not told, see destination_group()

  [[nodiscard]] bool has_key(const PublicKey& other) const {
    return other == key || other == second_key;
  }
  bool operator==(const PlanPeer&) const = default;
};

// One tracked flow: a STAMP session whose path is traced in both directions.
struct PlanFlow {
  std::uint32_t peer = 0;  // index into Plan::peers
  std::uint16_t source_port = 0;
  // Bytes of its IP packets, which are not fragmented then; 0: as small as they can be. A probe
  // sends less where its own interface takes less, and says so (FlowWindow::size).
  std::uint16_t size = 0;
  std::uint8_t dscp = 0;

  bool operator==(const PlanFlow&) const = default;
};

struct Plan {
  PlanRevision revision{};
  NodeId node{};                                     // whom this plan is for
  Duration window = std::chrono::seconds{10};        // 1 to 60 s
  Duration flow_interval = std::chrono::seconds{1};  // one packet per flow, jittered
  Duration reply_timeout =
      std::chrono::seconds{2};                  // later replies are counted as late, still received
  Duration lease = std::chrono::hours{1};       // the probe stops measuring when it has run out
  std::uint32_t packets_per_second_max = 1000;  // over all that this node sends of its own accord
  std::uint32_t traces_per_second = 1;          // TTL probes towards any one hop distance
  // Of packets_per_second_max, so many to one destination group; 0: kPacketsPerSecondPerGroupMax.
  std::uint32_t packets_per_second_per_group_max = 0;
  // Where it is set, instead of traces_per_second: in this time one flow is traced, and one for a
  // peer, and two TTL probes go to any one hop distance. What a router is made to answer by a large
  // fleet is less than one a second from each node.
  Duration trace_interval{};
  std::vector<PlanPeer> peers{};
  std::vector<PlanFlow> flows{};

  bool operator==(const Plan&) const = default;
};

// Flows of the plan in force that send more often for a while: adaptive probing. No part of the
// plan, so that neither a revision nor a disk knows of it; it ends by itself.
inline constexpr std::uint16_t kBoostTimesMax = 16;
inline constexpr Duration kBoostLifeMax = std::chrono::minutes{10};

struct BoostedFlow {
  std::uint32_t flow = 0;   // index into Plan::flows
  std::uint16_t times = 2;  // as many packets per flow interval, 2 to kBoostTimesMax

  bool operator==(const BoostedFlow&) const = default;
};

struct Boost {
  PlanRevision plan{};  // whose flows these are; with another one in force it means nothing
  Duration life{};      // from its receipt; replaces what is left of an earlier one
  std::vector<BoostedFlow> flows{};  // ascending by flow

  bool operator==(const Boost&) const = default;
};

// Which of a plan's peers share a token bucket: those of one rack where the controller told it,
// else those of one /24 or /64, which most often are one rack's.
struct DestinationGroup {
  std::uint16_t told = 0;
  std::uint64_t prefix = 0;  // 0 where it was told

  auto operator<=>(const DestinationGroup&) const = default;
};
[[nodiscard]] DestinationGroup destination_group(const PlanPeer& peer);

// Visits of flows by traces, and TTL probes to any one hop distance; 0: nothing is traced.
[[nodiscard]] double trace_visits_per_second(const Plan& plan);
[[nodiscard]] double trace_probes_per_second(const Plan& plan);

// Identifies the content, revision included, so that both sides can tell whether they mean the same
// plan (FNV-1a over the fields in order; not cryptographic: plans travel over CURVE).
[[nodiscard]] std::uint64_t plan_hash(const Plan& plan);

}  // namespace faultline
