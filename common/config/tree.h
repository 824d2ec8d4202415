// A parsed YAML document as plain values: what is left of yaml-cpp outside of tree.cc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace faultline::config {

inline constexpr std::size_t kNodesMax = 250'000;  // aliases count each time they are used
inline constexpr std::size_t kDepthMax = 32;

enum class NodeKind : std::uint8_t { kNull, kScalar, kList, kMap };

struct Node {
  NodeKind kind = NodeKind::kNull;
  int line = 0;  // from 1
  std::string scalar;
  std::vector<Node> items;                            // of a list
  std::vector<std::pair<std::string, Node>> entries;  // of a map, keys unique, in the file's order
};

// Errors name the line. A document without content is a null node.
[[nodiscard]] Result<Node> parse_tree(std::string_view text, std::string_view name);

}  // namespace faultline::config
