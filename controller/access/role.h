// Role: how much of the API somebody may use. Each role may do all that the one before it may.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace faultline::access {

enum class Role : std::uint8_t {
  kViewer = 1,    // reads
  kOperator = 2,  // also makes and removes join tokens, acts on incidents, silences them
  kAdmin = 3,     // also changes who belongs to the fleet and who may do what; reads the audit log
};

[[nodiscard]] std::string_view to_string(Role role);  // "viewer", "operator", "admin"
[[nodiscard]] std::optional<Role> parse_role(std::string_view text);

[[nodiscard]] constexpr bool suffices(Role held, Role needed) { return held >= needed; }

}  // namespace faultline::access
