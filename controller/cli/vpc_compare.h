// What the cloud's rules say, against what the fleet measures: for every measured pair one of
// "works", "fails" (though it is allowed), "denied" and "stale" (it works though the snapshot
// denies it).
//
// Why it exists: a snapshot tells what is meant to be and measurements what is. Where they agree
// nobody has to look; where they differ it is either the network's fault or the snapshot's age.
// Thread safety: pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "controller/cli/document.h"
#include "controller/vpc/model.h"

namespace faultline::cli {

// Pairs that one comparison asks the controller about.
inline constexpr std::size_t kComparedPairsMax = 4000;
// Fewer unanswered packets prove nothing.
inline constexpr std::uint64_t kComparedPacketsMin = 10;

// Round trips of one node's packets to another.
struct MeasuredPair {
  std::string from{};  // names, and the addresses that are measured
  std::string to{};
  std::string from_address{};
  std::string to_address{};
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
};

// The document "faultline.vpc_compare/1". Pairs of which the snapshot holds no end are counted and
// left out.
[[nodiscard]] Json compare_cloud(const vpc::Model& model, const std::vector<MeasuredPair>& pairs);

}  // namespace faultline::cli
