// The MTU of the interface that holds an address of this host: what a packet may measure before it
// has even left. Asks the kernel each time; cheap enough for once per plan.
#pragma once

#include <cstdint>
#include <optional>

#include "common/model/address.h"

namespace faultline::net {

// Empty when no interface holds the address, or the kernel does not say.
[[nodiscard]] std::optional<std::uint32_t> interface_mtu(const IpAddress& address);

}  // namespace faultline::net
