#include "controller/access/role.h"

#include <array>

namespace faultline::access {

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kViewer:
      return "viewer";
    case Role::kOperator:
      return "operator";
    case Role::kAdmin:
      return "admin";
  }
  return "unknown";
}

std::optional<Role> parse_role(std::string_view text) {
  for (const auto role : std::array{Role::kViewer, Role::kOperator, Role::kAdmin}) {
    if (to_string(role) == text) return role;
  }
  return std::nullopt;
}

}  // namespace faultline::access
