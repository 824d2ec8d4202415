// A test that an operator orders from a node, on its way between controller and probe. What may be
// tested, and what a report says, is common/ondemand's: here both are texts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/time.h"

namespace faultline {

inline constexpr std::size_t kTestOrderBytesMax = 4096;
inline constexpr std::size_t kTestReportBytesMax = 512 << 10;
inline constexpr std::size_t kTestTextMax = 512;
inline constexpr Duration kTestLeaseMin = std::chrono::seconds{1};
inline constexpr Duration kTestLeaseMax = std::chrono::minutes{5};

// "Carry this out now." Every request is answered by at least one TestProgress; the last is not
// kRunning.
struct TestRequest {
  std::uint64_t test = 0;  // chosen by the controller, echoed; not 0
  Duration lease{};        // from its receipt: nothing is begun, nor goes on, after it
  std::string order{};     // common/ondemand/order_json.h

  bool operator==(const TestRequest&) const = default;
};

enum class TestState : std::uint8_t {
  kRunning = 0,  // `text` says how far it is
  kDone = 1,     // `report` is what was found
  kRefused = 2,  // `text` says why it was not, or could not be, carried out
};

struct TestProgress {
  std::uint64_t test = 0;
  TestState state = TestState::kRunning;
  std::string text{};
  std::string report{};  // JSON, common/ondemand/README.md

  bool operator==(const TestProgress&) const = default;
};

}  // namespace faultline
