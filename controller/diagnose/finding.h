// Finding: what a rule concludes from facts, with evidence and a remedy. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/facts/facts.h"

namespace faultline::diagnose {

enum class Severity : std::uint8_t {
  kNotice,   // worth knowing, breaks nothing by itself
  kWarning,  // breaks something under some condition
  kError,    // breaks something
};
[[nodiscard]] std::string_view to_string(Severity severity);

struct Finding {
  std::string code{};  // "duplicate_address": stable, for scripts
  Severity severity = Severity::kWarning;
  std::vector<std::string> nodes{};     // whom it concerns
  std::vector<std::string> odd{};       // of those, who differs from the others; empty: all alike
  std::optional<IpAddress> address{};   // that it is about, where it is about one
  std::string summary{};                // one sentence
  std::vector<std::string> evidence{};  // one line each, naming node and value
  std::string remedy{};                 // one sentence
  std::string command{};                // to run
  std::string run_on{};                 // the node to run it on; empty: the first of `nodes`

  bool operator==(const Finding&) const = default;
};

// What one node says of itself, and what it said before, for what matters only when it grows.
struct NodeFacts {
  std::string node{};
  facts::Facts facts{};
  std::optional<facts::Facts> earlier{};
};

}  // namespace faultline::diagnose
