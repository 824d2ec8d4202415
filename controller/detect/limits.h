// Limits: what a pair of nodes may lose and how long a round trip may take, by class of pair.
//
// Why it exists: a baseline says what is new; a limit says what is not acceptable, however long it
// has been so.
//
// Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"

namespace faultline::detect {

enum class PairClass : std::uint8_t {
  kHostHost,
  kHostVm,
  kVmVm,
  kWan,  // the nodes are in different zones
};
inline constexpr std::size_t kPairClasses = 4;
[[nodiscard]] std::string_view to_string(PairClass pair_class);

struct Limit {
  Duration delay{};      // of the round trip's median
  double loss = 0;       // share of packets, 0 .. 1
  Duration shift_min{};  // a rise of the round trip below this is nobody's concern

  bool operator==(const Limit&) const = default;
};

struct DetectConfig {
  bool enabled = true;
  // By PairClass. Generous: a breach is worth a look, wherever it is.
  std::array<Limit, kPairClasses> limits{{
      {std::chrono::milliseconds{10}, 0.01, std::chrono::microseconds{500}},
      {std::chrono::milliseconds{20}, 0.01, std::chrono::milliseconds{1}},
      {std::chrono::milliseconds{20}, 0.01, std::chrono::milliseconds{1}},
      {std::chrono::milliseconds{300}, 0.02, std::chrono::milliseconds{5}},
  }};
  Duration accept_after = std::chrono::hours{24};

  [[nodiscard]] const Limit& of(PairClass pair_class) const {
    return limits[static_cast<std::size_t>(pair_class)];
  }
  bool operator==(const DetectConfig&) const = default;
};
// kInvalid with one sentence that names the field.
[[nodiscard]] Status validate(const DetectConfig& config);

struct Party {
  bool is_vm = false;
  std::string zone{};  // empty: not known

  bool operator==(const Party&) const = default;
};
[[nodiscard]] PairClass class_of(const Party& left, const Party& right);

}  // namespace faultline::detect
