// What does not fit together in a snapshot: parts that others name and that are not there, and
// settings that cannot be meant.
// Thread safety: pure.
#pragma once

#include <string>
#include <vector>

#include "controller/vpc/model.h"

namespace faultline::vpc {

inline constexpr std::size_t kInconsistenciesMax = 1'000;

struct Inconsistency {
  std::string element{};
  std::string sentence{};

  bool operator==(const Inconsistency&) const = default;
};

// In the order of the model's parts, then of their ids.
[[nodiscard]] std::vector<Inconsistency> find_inconsistencies(const Model& model);

}  // namespace faultline::vpc
