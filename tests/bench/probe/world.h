// The little world that the programs of this folder share: one near node, which is measured, and a
// far end that is a thousand nodes by its addresses. side_by_side.py builds it out of two network
// namespaces.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "common/base/time.h"
#include "common/crypto/keys.h"
#include "common/model/plan.h"

namespace faultline::bench {

inline constexpr std::uint32_t kNearAddress = 0x0a4d0001;      // 10.77.0.1
inline constexpr std::uint32_t kFarAddressFirst = 0x0a4e0001;  // 10.78.0.1, and so on
inline constexpr std::uint16_t kReflectorPort = 862;
inline constexpr std::uint16_t kSourcePort = 61000;
inline constexpr std::uint16_t kSourcePorts = 16;  // the default
inline constexpr std::uint32_t kNearNode = 1;
inline constexpr std::uint32_t kFarNodeFirst = 2;

// The keys of the near node, and of the far ones, which share a pair: made in `state` where there
// are none, so that all processes agree.
struct Keys {
  crypto::KeyPair near;
  crypto::KeyPair far;
};
[[nodiscard]] Keys keys_in(const std::filesystem::path& state);

struct Shape {
  std::uint32_t targets = 1000;
  std::uint32_t flows = 1000;
  Duration interval = std::chrono::seconds{1};
  Duration window = std::chrono::seconds{10};
  std::uint32_t rate_max = 1000;
  std::uint32_t large_one_in = 0;  // of the flows, so many have packets of 1500 octets; 0: none
  bool authenticated = true;
};

// What a controller would send the near node: the flows spread over the targets, then over the
// source ports.
[[nodiscard]] Plan near_plan(const Shape& shape, const Keys& keys);
// What the far nodes know of the near one.
[[nodiscard]] Plan far_plan(const Keys& keys, bool authenticated);

// The state directory of a faultline-probe that has joined and has this plan.
void write_state(const std::filesystem::path& state, const Shape& shape);

[[noreturn]] void die(const std::string& why);

}  // namespace faultline::bench
