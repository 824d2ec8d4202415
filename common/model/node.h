// A node is a machine that runs a probe. Labels group nodes for planning, selection and display.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/model/address.h"
#include "common/model/ids.h"

namespace faultline {

enum class NodeKind : std::uint8_t { kHost = 0, kVm = 1 };

[[nodiscard]] std::string_view to_string(NodeKind kind);
[[nodiscard]] std::optional<NodeKind> parse_node_kind(std::string_view text);

// `zone`, `pod` and `rack` have a meaning for the planner; the others are free.
using Labels = std::map<std::string, std::string>;

inline constexpr std::size_t kNameLengthMax = 63;
inline constexpr std::size_t kLabelsMax = 32;

// What a probe says of itself in every Hello; the controller keeps the newest.
struct NodeProfile {
  NodeKind kind = NodeKind::kHost;
  Labels labels{};
  IpAddress address{};                 // where its measurement packets come from and go to
  std::uint16_t reflector_port = 862;  // STAMP reflector, RFC 8762
  std::uint16_t source_port_first = 0;
  std::uint16_t source_port_count = 0;
  std::uint16_t mesh_port = 0;  // TCP, ZeroMQ with CURVE; 0 when it accepts no mesh connections

  bool operator==(const NodeProfile&) const = default;
};

// Letters, digits, '.', '-' and '_', beginning with a letter or digit, at most kNameLengthMax.
// Node names appear in command lines, labels and files, so nothing that needs quoting is accepted.
[[nodiscard]] Status validate_name(std::string_view name);
[[nodiscard]] Status validate_labels(const Labels& labels);

}  // namespace faultline
