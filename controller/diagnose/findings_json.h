// Findings as the document "faultline.check/1". Thread safety: pure.
#pragma once

#include <string>
#include <vector>

#include "controller/diagnose/finding.h"

namespace faultline::diagnose {

inline constexpr std::size_t kFindingsMax = 1000;  // of a document; the others are counted

// What was looked at, and what could not be.
struct CheckScope {
  std::vector<std::string> nodes{};    // whose facts were compared
  std::vector<std::string> without{};  // nodes that have sent none
};

[[nodiscard]] std::string to_json(const std::vector<Finding>& findings, const CheckScope& scope);

}  // namespace faultline::diagnose
