// What a trace is asked for and what it found: the values that the core exchanges with the engine.
#pragma once

#include <cstdint>
#include <vector>

#include "common/model/address.h"
#include "common/model/path.h"

namespace faultline::trace {

// Forward: from one of our source ports to a peer's reflector. Return: from our reflector's port to
// the source port of the peer that asked, on the very socket that reflects.
struct TraceOrder {
  std::uint64_t id = 0;  // chosen by the caller, echoed in the result
  std::uint16_t local_port = 0;
  Endpoint remote{};
  Direction direction = Direction::kForward;
  bool urgent = false;  // goes ahead of all that are not

  bool operator==(const TraceOrder&) const = default;
};

struct TraceResult {
  std::uint64_t id = 0;
  bool complete = false;    // the far end itself answered; otherwise `hops` is only the prefix seen
  std::vector<Hop> hops{};  // routers only, in order of travel; at most kPathHopsMax
  PathEnd ended = PathEnd::kNotTold;

  bool operator==(const TraceResult&) const = default;
};

}  // namespace faultline::trace
