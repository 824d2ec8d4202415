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
// Nearly all flows went one way and lost a few packets, and many sent equally much. For these the
// power is a product, e^-(n - d)ma is worked out once for all that agree in n - d and m, and
// logarithms are taken of products of many flows: a tenth of the time.
//
// Thread safety: a value; const use is safe.
#pragma once

#include <array>
#include <cstddef>
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

  // A flow of one way with few losses.
  struct Single {
    double rest = 0;
    double share = 0;
    double odds = 0;
    std::uint32_t lost = 0;
    std::uint32_t kind = 0;  // into kinds
  };
  struct Kind {
    double passed = 0;
    double crossings = 0;
  };
  static constexpr std::size_t kKindsMax = 16;
  static constexpr double kLostMax = 6;  // of a single

  struct Slope {
    double value = 0;
    double first = 0;  // derivatives by log exponent
    double second = 0;
  };

  void clear(FaultMode new_mode);
  // Log-likelihood with `exponent` added to each link of the component, less that of now.
  [[nodiscard]] double gain(double exponent) const;
  [[nodiscard]] Slope slope(double exponent) const;
  // Makes the last record a single one if it is one.
  void simplify_last();

  FaultMode mode = FaultMode::kLoss;
  double clean = 0;  // packets (kLoss) or flows (kDead) that lost nothing, once per crossing
  std::vector<Record> records;
  std::vector<Part> parts;
  std::vector<Single> singles;
  std::vector<Kind> kinds;  // at most kKindsMax

 private:
  struct At;

  [[nodiscard]] std::array<At, kKindsMax> kinds_at(double exponent) const;
  [[nodiscard]] double gain_of_singles(double exponent) const;
  void add_slope_of_singles(double exponent, Slope& sum) const;
};

}  // namespace faultline::localize
