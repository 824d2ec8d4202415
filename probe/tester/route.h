// Which way a packet to a target would leave this machine.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"
#include "common/model/address.h"

namespace faultline::tester {

struct Route {
  IpAddress source{};
  std::string interface {};
  std::uint16_t mtu = 0;  // the interface's; what the host has cached of the path is not asked
};

// Asks the kernel's routing table. `source`: unspecified, or an address of this machine.
[[nodiscard]] Result<Route> route_to(const IpAddress& target, const IpAddress& source);

}  // namespace faultline::tester
