// The interfaces that may carry a conversation.
#pragma once

#include <string>
#include <vector>

namespace faultline::capture {

inline constexpr std::size_t kListenedMax = 8;

// The route's first, then every other one that is up and belongs to no bridge, bond or team: what
// comes in need not come in where it goes out. At most kListenedMax.
[[nodiscard]] std::vector<std::string> interfaces_to_listen(const std::string& of_route);

}  // namespace faultline::capture
