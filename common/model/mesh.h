// Messages between probes (schemas/mesh.capnp is the wire form). Requests flow both ways on one
// connection; the peer is who CURVE says it is and must be in the plan.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/model/control.h"
#include "common/model/path.h"
#include "common/model/receipts.h"

namespace faultline {

struct MeshHello {
  std::uint16_t protocol_major = kProtocolMajor;
  std::uint16_t protocol_minor = kProtocolMinor;
  std::uint64_t capabilities = kCapabilitiesOfThisBuild;

  bool operator==(const MeshHello&) const = default;
};

// "Trace the way back to me": the path from the asked node's reflector port to the asker's
// `source_port`, at the asker's address of the plan, on the very socket that reflects.
struct TraceRequest {
  std::uint64_t request = 0;  // chosen by the asker, echoed
  std::uint16_t source_port = 0;

  bool operator==(const TraceRequest&) const = default;
};

enum class TraceOutcome : std::uint8_t {
  kDone = 0,         // `hops` is what was seen; `complete` says whether the far end answered
  kBusy = 1,         // over the asked node's trace budget: ask again later
  kNotPermitted = 2  // the asker or the port is not in the asked node's plan
};

struct TraceReply {
  std::uint64_t request = 0;
  TraceOutcome outcome = TraceOutcome::kDone;
  bool complete = false;
  std::vector<Hop> hops{};
  PathEnd ended = PathEnd::kNotTold;

  bool operator==(const TraceReply&) const = default;
};

// "Would you pass on my results? I do not reach the controller." A peer that does not know the
// question answers nothing.
struct RelayRequest {
  bool operator==(const RelayRequest&) const = default;
};

enum class RelayOutcome : std::uint8_t {
  kReady = 0,
  kCannot = 1,  // not now: ask another. Also the answer to a SealedBatch that was not passed on
  kLater = 2    // to a SealedBatch, over a bound of the asked node's: the way stays, send it again
};

struct RelayReply {
  RelayOutcome outcome = RelayOutcome::kCannot;
  PublicKey controller{};  // of kReady: the key that serves the asked node; what is sealed is to it

  bool operator==(const RelayReply&) const = default;
};

// What Relayed and RelayedAck (control.h) carry, on its way between the two probes. Only to and of
// who said kReady.
struct SealedBatch {
  std::vector<std::byte> sealed{};

  bool operator==(const SealedBatch&) const = default;
};
struct SealedAck {
  std::vector<std::byte> sealed{};

  bool operator==(const SealedAck&) const = default;
};

// ReceiptsRequest and Receipts: "what of these sessions of mine has come to your reflector?"
using MeshMessage = std::variant<MeshHello, TraceRequest, TraceReply, RelayRequest, RelayReply,
                                 SealedBatch, SealedAck, ReceiptsRequest, Receipts>;

}  // namespace faultline
