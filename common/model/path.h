// The path of one flow in one direction, as a trace saw it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/time.h"
#include "common/model/address.h"
#include "common/model/ids.h"

namespace faultline {

// Of a session: forward is sender to reflector, return is reflector to sender.
enum class Direction : std::uint8_t { kForward = 0, kReturn = 1 };

inline constexpr std::size_t kPathHopsMax = 30;

// Why a trace went no further. Traces that an older probe made do not tell.
enum class PathEnd : std::uint8_t {
  kNotTold = 0,
  kReached = 1,      // the far end itself answered
  kSilent = 2,       // too many hops in a row did not answer
  kUnreachable = 3,  // a router said that it cannot go further
  kLoop = 4,         // the way comes back to a router that it has left
  kTooLong = 5,      // no far end within kPathHopsMax hops
  kRefused = 6,      // it was not traced: a limit of the prober, or an unknown flow
};

struct Hop {
  std::optional<IpAddress> address{};  // empty: silent, it did not answer

  bool operator==(const Hop&) const = default;
};

// One traced path of the session (reporting node, target, source_port).
struct PathRecord {
  NodeId target{};
  std::uint16_t source_port = 0;
  Direction direction = Direction::kForward;
  WallTime traced_at{};
  bool complete = false;    // the far end itself answered; otherwise `hops` is only the prefix seen
  std::vector<Hop> hops{};  // routers only, in order of travel; neither end is listed
  PathEnd ended = PathEnd::kNotTold;

  bool operator==(const PathRecord&) const = default;
};

enum class HintReason : std::uint8_t {
  kLossBegan = 1,
  kTtlChanged = 2,  // packets arrive with another TTL than before, at either end
};

// What the prober sees of a flow that calls for a trace at once: its path may be another now.
struct FlowHint {
  NodeId target{};
  std::uint16_t source_port = 0;
  HintReason why = HintReason::kLossBegan;

  bool operator==(const FlowHint&) const = default;
};

}  // namespace faultline
