// Where two routes of a flow part and where they meet again.
//
// Why it exists: of two routes with eight hops each, an engineer wants the two that differ; and
// flows that were moved by the same cause differ in the same hops, so that they can be counted.
//
// Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "controller/changes/change.h"

namespace faultline::changes {

// A route by its devices and the links between them: links[i] leads to devices[i + 1].
struct Route {
  std::span<const std::string> devices{};
  std::span<const std::string> links{};
};

struct PathDifference {
  // From the last device in common before to the first in common after, "leaf1 > spine2 > leaf3";
  // both empty when the routes are the same.
  std::string before{};
  std::string after{};
  std::vector<Component> components{};  // that only one of the two crosses, without silent hops
};

[[nodiscard]] PathDifference difference(const Route& before, const Route& after);

}  // namespace faultline::changes
