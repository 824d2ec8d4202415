// Diagnosis: the answer to "what is wrong between A and B", layer by layer, and in one sentence.
// Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/diagnose/inputs.h"

namespace faultline::diagnose {

// From the machine outwards to the service; checks are shown in this order.
enum class Layer : std::uint8_t {
  kProber,
  kAddressing,
  kLink,
  kRoutes,
  kFiltering,
  kMtu,
  kPath,
  kQuality,
  kHa,
};
inline constexpr std::size_t kLayers = 9;
[[nodiscard]] std::string_view to_string(Layer layer);

enum class Level : std::uint8_t { kOk, kUnknown, kWarn, kFail };
[[nodiscard]] std::string_view to_string(Level level);

// What is observed to go wrong, which a cause may explain.
enum Symptom : std::uint8_t {
  kDead = 1U << 0U,     // nothing gets through, in one direction or both
  kSubset = 1U << 1U,   // some flows are dead and others are well
  kLossy = 1U << 2U,    // packets are lost
  kSlow = 1U << 3U,     // it takes longer than usual
  kMtuLow = 1U << 4U,   // large packets do not pass
  kPortDead = 1U << 5U  // the service's port does not answer
};
using Symptoms = std::uint8_t;

struct Check {
  Layer layer = Layer::kProber;
  Level level = Level::kOk;
  std::string code{};  // stable, for scripts; `faultline explain CODE`
  std::string summary{};
  std::vector<std::string> nodes{};     // whom it concerns
  std::string component{};              // of the network, where it is one: "leaf1>spine2"
  std::vector<std::string> evidence{};  // one line each
  std::string remedy{};                 // one sentence; empty: nothing is to be done
  std::string command{};                // to run, on `run_on`
  std::string run_on{};                 // a node, or empty: wherever `faultline` runs
  Symptoms explains = 0;                // kFail and kWarn: what it would explain
  int weight = 0;                       // of two that explain the same, the heavier is told

  bool operator==(const Check&) const = default;
};

struct Verdict {
  // "healthy", "unknown", or the code of the check that decided.
  std::string code{};
  Level level = Level::kUnknown;
  std::optional<Layer> layer{};
  std::vector<std::string> nodes{};
  std::string component{};
  std::string sentence{};
  std::string remedy{};
  std::string command{};
  std::string run_on{};

  bool operator==(const Verdict&) const = default;
};

struct Diagnosis {
  Question question{};
  End a{};
  End b{};
  std::vector<WallTime> facts_at{};  // of A and B; the epoch: none
  std::vector<Check> checks{};       // by layer, the worst first
  Symptoms symptoms = 0;
  Verdict verdict{};
};

// Thread safety: pure.
[[nodiscard]] Diagnosis diagnose(const Inputs& inputs);

}  // namespace faultline::diagnose
