// Folding: of a node that is abnormal towards most of its peers, one finding instead of one per
// pair.
//
// Why it exists: a host whose network card is slow is abnormal in every pair that it is an end of;
// an engineer wants to read that as one line.
//
// Pure.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "controller/detect/detector.h"

namespace faultline::detect {

// A node's pairs are folded when so many, and this share of all of them, show the same kind.
inline constexpr std::uint32_t kFoldPairsMin = 4;
inline constexpr double kFoldShare = 0.5;

struct Finding {
  Anomaly worst{};       // of those that it stands for
  bool is_node = false;  // about a node, `node`, rather than a pair
  NodeId node{};
  std::uint32_t pairs = 1;     // that show it
  std::uint32_t pairs_of = 1;  // of how many
  WallTime since{};            // the earliest

  bool operator==(const Finding&) const = default;
};

// `pairs_of_nodes`: Detector's. In the order of the anomalies, each in one finding.
[[nodiscard]] std::vector<Finding> fold(const std::vector<Anomaly>& anomalies,
                                        const std::map<NodeId, std::uint32_t>& pairs_of_nodes);

}  // namespace faultline::detect
