// What takes so many octets of a packet: the arithmetic that a person does when told "1450".
#pragma once

#include <cstdint>
#include <string>

namespace faultline::mtu {

// "50 octets less than 1500: VXLAN over IPv4 (20 IP, 8 UDP, 8 VXLAN, 14 Ethernet)"; empty when
// nothing known leaves `mtu` of `ceiling` or of a usual interface MTU.
[[nodiscard]] std::string explain(std::uint16_t mtu, std::uint16_t ceiling);

}  // namespace faultline::mtu
