// Which plans a probe can carry out. Beyond these limits a plan is refused as a whole, and so is a
// boost: an erring or captured controller cannot make a flood of this probe. Of packets per second
// and bytes it is what the flows ask for that counts, before the node's budget makes them wait.
// Loopback addresses are nobody else's and count for neither.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "common/base/result.h"
#include "common/model/plan.h"

namespace faultline::session {

inline constexpr Duration kWindowMin = std::chrono::seconds{1};
inline constexpr Duration kWindowMax = std::chrono::seconds{60};
inline constexpr Duration kFlowIntervalMin = std::chrono::milliseconds{10};
inline constexpr Duration kFlowIntervalMax = std::chrono::seconds{60};
inline constexpr Duration kReplyTimeoutMin = std::chrono::milliseconds{10};
inline constexpr Duration kReplyTimeoutMax = std::chrono::seconds{30};
// Packets of all flows in windows that are still open: about 6 MB.
inline constexpr std::size_t kPacketsAtHandMax = std::size_t{1} << 18;

// This node's end of all its flows.
struct LocalSide {
  IpAddress address;
  std::uint16_t source_port_first = 0;
  std::uint16_t source_port_count = 0;

  [[nodiscard]] bool owns_port(std::uint16_t port) const {
    return port >= source_port_first && port - source_port_first < source_port_count;
  }
};

// How many packets of one flow are kept: those of the window that is filling, the ones that wait to
// be closed, and the reserve that an overlong window (a clock set back) needs.
[[nodiscard]] std::size_t packets_per_flow(const Plan& plan);
// The same of a flow that is boosted `times`: as many times, for it is a power of two.
[[nodiscard]] constexpr std::size_t boosted_packets(std::size_t packets, std::uint16_t times) {
  return packets * std::bit_ceil(std::size_t{times});
}

// A boost of this plan whose packets find room.
[[nodiscard]] Status validate_boost(const Boost& boost, const Plan& plan);

// The error says which field is out of which limit.
[[nodiscard]] Status validate_plan(const Plan& plan, const LocalSide& local);

}  // namespace faultline::session
