// For this folder's sources only: a peer's address as people write it.
#pragma once

#include <string>
#include <string_view>

namespace faultline::zmq {

// A dual-stack listener sees an IPv4 peer as "::ffff:10.0.0.1".
[[nodiscard]] inline std::string readable_address(std::string_view address) {
  constexpr std::string_view kMappedV4 = "::ffff:";
  if (address.starts_with(kMappedV4)) address.remove_prefix(kMappedV4.size());
  return std::string{address};
}

}  // namespace faultline::zmq
