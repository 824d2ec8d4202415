// Messages between probes (schemas/mesh.capnp is the wire form). Requests flow both ways on one
// connection; the peer is who CURVE says it is and must be in the plan.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/model/control.h"
#include "common/model/path.h"

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

using MeshMessage = std::variant<MeshHello, TraceRequest, TraceReply>;

}  // namespace faultline
