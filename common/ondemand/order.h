// TestOrder: one test that somebody asks for now, on a machine that runs a probe: `faultline-probe
// test` on the machine itself, or `faultline test` through the controller.
//
// Every number is bounded here, so that no order, whoever gives it, can do harm: validate() refuses
// what the header's limits do not allow.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/model/address.h"

namespace faultline::ondemand {

enum class TestKind : std::uint8_t { kPing = 0, kPort = 1, kMtu = 2, kTrace = 3, kCapture = 4 };
[[nodiscard]] std::string_view to_string(TestKind kind);
[[nodiscard]] std::optional<TestKind> parse_test_kind(std::string_view text);

// What is sent. A port is tested by kTcp, or by kQuic where it is a UDP port.
enum class Method : std::uint8_t { kIcmp = 0, kStamp = 1, kTcp = 2, kQuic = 3 };
[[nodiscard]] std::string_view to_string(Method method);
[[nodiscard]] std::optional<Method> parse_method(std::string_view text);

inline constexpr std::uint32_t kCountMax = 1000;
inline constexpr Duration kIntervalMin = std::chrono::milliseconds{10};
inline constexpr Duration kTimeoutMax = std::chrono::seconds{10};
inline constexpr std::uint16_t kSizeMin = 64;    // octets of an IP packet
inline constexpr std::uint16_t kSizeMax = 9216;  // likewise
inline constexpr std::uint16_t kFlowsMax = 128;  // one socket each
inline constexpr std::uint16_t kRateMax = 1000;  // packets per second of a trace
inline constexpr std::uint16_t kCaptureSecondsMax = 60;
inline constexpr Duration kTestLifeMax = std::chrono::minutes{3};

struct TestOrder {
  TestKind kind = TestKind::kPing;
  Method method = Method::kIcmp;
  Endpoint target{};              // port 0 for ICMP, and of a capture: any
  IpAddress source{};             // unspecified: as the kernel chooses
  std::uint16_t source_port = 0;  // 0: any; of a trace the first of `flows` ports
  std::uint32_t count = 5;        // pings; probes of each hop of a trace
  Duration interval = std::chrono::milliseconds{200};
  Duration timeout = std::chrono::seconds{1};
  std::uint16_t size = 0;  // octets of the IP packet; 0: as small as the method allows
  std::uint8_t dscp = 0;
  std::uint16_t flows = 1;     // of a trace: source ports, one after the other
  std::uint16_t rate = 100;    // of a trace: packets per second, and a fifth of it per hop
  std::uint16_t size_max = 0;  // of an MTU test: where to begin; 0: the interface's MTU
  std::uint16_t far_mtu = 0;   // of an MTU test: the target's interface's; 0: not known
  std::uint16_t seconds = 10;  // of a capture

  bool operator==(const TestOrder&) const = default;
};

// One sentence on the first thing that is not allowed, or does not fit together.
[[nodiscard]] Status validate(const TestOrder& order);
// An upper bound of what carrying it out takes, kTestLifeMax at most.
[[nodiscard]] Duration life_of(const TestOrder& order);

}  // namespace faultline::ondemand
