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

  bool operator==(const PathRecord&) const = default;
};

}  // namespace faultline
