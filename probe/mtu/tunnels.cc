#include "probe/mtu/tunnels.h"

#include <array>
#include <string_view>

#include <fmt/format.h>

namespace faultline::mtu {
namespace {

struct Overhead {
  std::uint16_t octets;
  std::string_view what;
};

constexpr std::array<std::uint16_t, 4> kWholes{1500, 9001, 9000, 9216};
constexpr std::array kOverheads{
    Overhead{4, "an 802.1Q tag or one MPLS label that the interface does not allow for"},
    Overhead{8, "PPPoE (RFC 2516), or two MPLS labels"},
    Overhead{20, "IPIP (20 IP)"},
    Overhead{24, "GRE over IPv4 (20 IP, 4 GRE)"},
    Overhead{28, "GRE with a key over IPv4 (20 IP, 8 GRE)"},
    Overhead{36, "VXLAN-GPE or GUE over IPv4 without Ethernet (20 IP, 8 UDP, 8 header)"},
    Overhead{38, "GRE with Ethernet over IPv4 (20 IP, 4 GRE, 14 Ethernet)"},
    Overhead{40, "IPv6 in IPv6, or IPv4 in IPv6 (40 IP)"},
    Overhead{42, "NVGRE over IPv4 (20 IP, 8 GRE, 14 Ethernet)"},
    Overhead{44, "GRE over IPv6 (40 IP, 4 GRE)"},
    Overhead{46, "PPPoE and L2TP, as DSL access leaves"},
    Overhead{50, "VXLAN over IPv4 (20 IP, 8 UDP, 8 VXLAN, 14 Ethernet), or Geneve without options"},
    Overhead{54, "VXLAN over IPv4 with an 802.1Q tag inside"},
    Overhead{58, "Geneve over IPv4 with 8 octets of options, as OVN uses it"},
    Overhead{60, "WireGuard over IPv4 (20 IP, 8 UDP, 32 WireGuard)"},
    Overhead{62, "IPsec ESP in tunnel mode over IPv4, about"},
    Overhead{70, "VXLAN over IPv6 (40 IP, 8 UDP, 8 VXLAN, 14 Ethernet)"},
    Overhead{73, "IPsec ESP in tunnel mode with AES-CBC and SHA-1, at most"},
    Overhead{80, "WireGuard over IPv6 (40 IP, 8 UDP, 32 WireGuard), or what it leaves to be safe"},
    Overhead{100, "OpenVPN or two tunnels in each other; a cautious setting by hand"},
};

std::string find(std::uint16_t mtu, std::uint16_t whole) {
  for (const auto& [octets, what] : kOverheads) {
    if (mtu + octets == whole) {
      return fmt::format("{} octets less than {}: {}", octets, whole, what);
    }
  }
  return {};
}

}  // namespace

std::string explain(std::uint16_t mtu, std::uint16_t ceiling) {
  if (mtu >= ceiling) return {};
  if (auto text = find(mtu, ceiling); !text.empty()) return text;
  for (const std::uint16_t whole : kWholes) {
    if (whole == mtu) return fmt::format("{} is a usual interface MTU by itself", mtu);
    if (whole <= ceiling) continue;
    if (auto text = find(mtu, whole); !text.empty()) return text;
  }
  if (mtu < 1500) {
    if (auto text = find(mtu, 1500); !text.empty()) return text;
  }
  return {};
}

}  // namespace faultline::mtu
