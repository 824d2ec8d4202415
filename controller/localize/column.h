// Column: what the flows that cross one component say about its exponent, everything else held.
//
// Why it exists: a component is weighed at some twenty rates each time it is scored, so all that
// does not depend on the rate is worked out once. For a flow that lost d of n packets, and whose
// exponents sum to x, an amount a more on m links of its way multiplies its likelihood by
//
//   (1 + (1 - e^-ma) / (e^x - 1))^d  e^-(n - d)ma
//
// and only a part of its likelihood came this way (the rest: other ways, a reason of its own).
// Flows without loss on a known way are two counters.
//
// Thread safety: a value; const use is safe.
#pragma once

#include <cstdint>
#include <vector>

namespace faultline::localize {

enum class FaultMode : std::uint8_t { kLoss, kDead };

struct Column {
  // Shares of the flow's likelihood of now; together they are 1.
  struct Record {
    double rest = 0;          // what the component does not touch
    double passed = 0;        // packets
    double copies = 1;        // flows alike
    std::uint32_t first = 0;  // into parts
    std::uint32_t count = 0;
  };
  struct Part {
    double share = 0;
    double odds = 0;  // 1 / (e^x - 1); not used by kDead
    double lost = 0;
    double crossings = 1;
  };

  struct Slope {
    double value = 0;
    double first = 0;  // derivatives by log exponent
    double second = 0;
  };

  void clear(FaultMode new_mode);
  // Log-likelihood with `exponent` added to each link of the component, less that of now.
  [[nodiscard]] double gain(double exponent) const;
  [[nodiscard]] Slope slope(double exponent) const;

  FaultMode mode = FaultMode::kLoss;
  double clean = 0;  // packets (kLoss) or flows (kDead) that lost nothing, once per crossing
  std::vector<Record> records;
  std::vector<Part> parts;
};

}  // namespace faultline::localize
