// The control conversation between a probe and its controller, as values (schemas/control.capnp is
// the wire form). Every message travels over ZeroMQ with CURVE; the sender is who CURVE says it is.
//
//   join:   Join -> Joined | Refusal                 with the token's one-use identity, once
//   start:  Hello -> Welcome | Refusal, then Plan    with the node's own key, at every connection
//   steady: Heartbeat -> HeartbeatReply; Batch -> BatchAck; Plan -> PlanAck; Boost
//           FactsUpdate -> FactsAck, where both sides know it
//   tests:  TestRequest -> TestProgress, several, where both sides know it
//   relay:  Relayed -> RelayedAck, of another node's batch, where both sides know it
//   keys:   RekeyRequest -> Rekey -> Rekeyed; Controllers -> ControllersAck
//   end:    Goodbye, where both sides know it
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/base/time.h"
#include "common/model/ids.h"
#include "common/model/node.h"
#include "common/model/plan.h"
#include "common/model/test.h"

namespace faultline {

// The protocol version that this build speaks; a peer with another major one is refused.
inline constexpr std::uint16_t kProtocolMajor = 1;
inline constexpr std::uint16_t kProtocolMinor = 1;
// Bits of capabilities; each side uses only what both have, and ignores unknown bits.
inline constexpr std::uint64_t kCapabilityTrace = 1U << 0;
inline constexpr std::uint64_t kCapabilityMesh = 1U << 1;
inline constexpr std::uint64_t kCapabilityGoodbye = 1U << 2;
inline constexpr std::uint64_t kCapabilityRekey = 1U << 3;
inline constexpr std::uint64_t kCapabilityBoost = 1U << 4;
inline constexpr std::uint64_t kCapabilityAuthenticate = 1U << 5;  // STAMP, PlanPeer says with whom
inline constexpr std::uint64_t kCapabilityFacts = 1U << 6;
inline constexpr std::uint64_t kCapabilityTest = 1U << 7;
inline constexpr std::uint64_t kCapabilityRelay = 1U << 8;
inline constexpr std::uint64_t kCapabilitiesOfThisBuild =
    kCapabilityTrace | kCapabilityMesh | kCapabilityGoodbye | kCapabilityRekey | kCapabilityBoost |
    kCapabilityAuthenticate | kCapabilityFacts | kCapabilityTest | kCapabilityRelay;

inline constexpr std::size_t kFactsPayloadMax = 1 << 20;  // bytes
inline constexpr std::size_t kBatchPayloadMax = 1 << 20;  // bytes
// A batch or an acknowledgement that another node carries: its message and its seal.
inline constexpr std::size_t kSealBytes = 41;  // what the seal adds
inline constexpr std::size_t kSealedMax = kBatchPayloadMax + 4096;
inline constexpr std::size_t kControlMessageMax = 2 << 20;  // bytes; ZMQ_MAXMSGSIZE on both ends

// For how long a handshake may wait for its turn among thousands that come back at once: of a busy
// controller, and of a member that knows that it is trusted. With less, most of both sides' work is
// done for who has given up meanwhile and begins anew at the end of the queue.
inline constexpr Duration kPatientHandshake = std::chrono::seconds{12};

// Asks to pin `node_key` under the identity of a one-use token.
struct Join {
  std::uint16_t protocol_major = kProtocolMajor;
  PublicKey node_key{};
  std::string name{};  // used where the token does not fix one
  NodeProfile profile{};

  bool operator==(const Join&) const = default;
};

struct Joined {
  NodeId node{};
  std::string name{};

  bool operator==(const Joined&) const = default;
};

enum class RefusalReason : std::uint8_t {
  kUnknownKey = 0,
  kTokenSpent = 1,
  kProtocolVersion = 2,
  kMalformed = 3,
  kNameTaken = 4,
  kOverloaded = 5,
};
[[nodiscard]] std::string_view to_string(RefusalReason reason);

struct Refusal {
  RefusalReason reason = RefusalReason::kMalformed;
  std::string text{};

  bool operator==(const Refusal&) const = default;
};

struct Hello {
  std::uint16_t protocol_major = kProtocolMajor;
  std::uint16_t protocol_minor = kProtocolMinor;
  std::uint64_t capabilities = kCapabilitiesOfThisBuild;
  std::string software{};  // "faultline-probe 0.1.0"
  BootId boot{};
  NodeProfile profile{};
  PlanRevision plan{};  // held from before, 0 for none
  std::uint64_t plan_hash = 0;
  WallTime sent_at{};  // the node's own clock; the epoch: an older node does not say

  bool operator==(const Hello&) const = default;
};

struct Welcome {
  std::uint16_t protocol_major = kProtocolMajor;
  std::uint16_t protocol_minor = kProtocolMinor;
  std::uint64_t capabilities = kCapabilitiesOfThisBuild;
  std::string software{};
  NodeId node{};
  std::string name{};
  Duration heartbeat_interval = std::chrono::seconds{5};
  bool plan_current = false;  // the plan held is the newest: none will follow

  bool operator==(const Welcome&) const = default;
};

struct Heartbeat {
  std::uint64_t sequence = 0;
  WallTime sent_at{};  // the node's own clock: the controller watches its offset
  PlanRevision plan{};
  std::uint64_t spool_batches = 0;
  std::uint64_t spool_bytes = 0;
  std::uint64_t spool_dropped = 0;  // results dropped since this boot for want of space

  bool operator==(const Heartbeat&) const = default;
};

struct HeartbeatReply {
  std::uint64_t sequence = 0;
  WallTime sent_at{};      // echoed
  WallTime answered_at{};  // the controller's clock

  bool operator==(const HeartbeatReply&) const = default;
};

struct PlanAck {
  PlanRevision revision{};
  std::uint64_t hash = 0;
  bool accepted = true;
  std::string reason{};  // why not

  bool operator==(const PlanAck&) const = default;
};

// A sealed envelope of results. `payload` is an encoded Report; it is empty for a *gap*: the record
// that the batches first_sequence..sequence were dropped by the spool, `results_dropped` in all.
// An ordinary batch covers exactly one sequence number.
struct Batch {
  BootId boot{};  // of the process that measured it, which need not be the one that sends it
  std::uint64_t first_sequence = 0;
  std::uint64_t sequence = 0;
  std::uint64_t results_dropped = 0;
  std::vector<std::byte> payload{};

  [[nodiscard]] bool is_gap() const { return payload.empty(); }
  bool operator==(const Batch&) const = default;
};

// The last message of a process that was asked to stop: it no longer measures nor answers, and
// means to come back. Only to a controller that has kCapabilityGoodbye.
struct Goodbye {
  BootId boot{};
  WallTime stopped_at{};            // the node's own clock
  std::uint64_t spool_batches = 0;  // not acknowledged; they are sent after the next start

  bool operator==(const Goodbye&) const = default;
};

// Closed interval of sequence numbers.
struct SequenceInterval {
  std::uint64_t first = 0;
  std::uint64_t last = 0;

  bool operator==(const SequenceInterval&) const = default;
};

// What of `boot` is durable at the controller. Sequences outside of it are to be sent again.
struct BatchAck {
  BootId boot{};
  std::vector<SequenceInterval> durable{};  // ascending, disjoint, at most kSequenceIntervalsMax
  std::uint32_t credit = 0;  // how many more batches the probe may have unacknowledged in flight

  bool operator==(const BatchAck&) const = default;
};
inline constexpr std::size_t kSequenceIntervalsMax = 8;

// "Make a new key pair and tell its public half."
struct RekeyRequest {
  bool operator==(const RekeyRequest&) const = default;
};

// The node's new key, durable there; told under the old one.
struct Rekey {
  PublicKey key{};

  bool operator==(const Rekey&) const = default;
};

// Both keys are pinned: connect under the new one.
struct Rekeyed {
  PublicKey key{};

  bool operator==(const Rekeyed&) const = default;
};

// All keys under which a controller may serve; the first is the one served now.
struct Controllers {
  std::uint64_t revision = 0;
  std::vector<PublicKey> keys{};

  bool operator==(const Controllers&) const = default;
};
inline constexpr std::size_t kControllerKeysMax = 8;

struct ControllersAck {
  std::uint64_t revision = 0;  // durable at the node

  bool operator==(const ControllersAck&) const = default;
};

// A node's own network configuration (common/facts), or what changed of it since `base`.
struct FactsUpdate {
  WallTime collected_at{};
  std::uint64_t base = 0;    // digest of the document that the payload changes; 0: it is all of it
  std::uint64_t digest = 0;  // of the document after it; not 0
  std::vector<std::byte> payload{};

  bool operator==(const FactsUpdate&) const = default;
};

// What the controller has of the node now; 0: nothing that can be built on.
struct FactsAck {
  std::uint64_t digest = 0;
  bool again = false;  // somebody asks just now: collect and send at once

  bool operator==(const FactsAck&) const = default;
};

// A batch of another node, which is cut off from the controller; sealed between that node's key and
// the controller's (common/crypto/seal.h), so that who passes it on can neither read nor change it.
struct Relayed {
  PublicKey origin{};               // the node's key, as it proved it to who passes this on
  std::vector<std::byte> sealed{};  // a ProbeMessage, encoded: a Batch and nothing else

  bool operator==(const Relayed&) const = default;
};

// The answer, to who passed the batch on.
struct RelayedAck {
  PublicKey origin{};
  std::vector<std::byte> sealed{};  // a ControllerMessage, encoded: a BatchAck and nothing else

  bool operator==(const RelayedAck&) const = default;
};

using ProbeMessage = std::variant<Join, Hello, Heartbeat, PlanAck, Batch, Goodbye, Rekey,
                                  ControllersAck, FactsUpdate, TestProgress, Relayed>;
using ControllerMessage =
    std::variant<Joined, Refusal, Welcome, HeartbeatReply, Plan, BatchAck, RekeyRequest, Rekeyed,
                 Controllers, Boost, FactsAck, TestRequest, RelayedAck>;

}  // namespace faultline
