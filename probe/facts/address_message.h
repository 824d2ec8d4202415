// RTM_NEWADDR, RTM_NEWNEIGH, RTM_NEWNETCONF and socket-diagnosis messages (rtnetlink(7),
// sock_diag(7)) as facts. Empty: another kind of message, too short, or one that no rule asks for.
// Thread safety: pure.
#pragma once

#include <optional>

#include "common/facts/facts.h"
#include "probe/facts/attributes.h"
#include "probe/facts/link_message.h"

namespace faultline::probe_facts {

[[nodiscard]] std::optional<facts::Address> parse_address(Bytes message, const Names& names);

// Without multicast and those that need no resolution.
[[nodiscard]] std::optional<facts::Neighbor> parse_neighbor(Bytes message, const Names& names);

// What a bridge has learned; without the addresses of its own ports and of their devices.
[[nodiscard]] std::optional<facts::BridgeEntry> parse_bridge_entry(Bytes message,
                                                                   const Names& names);

// What the kernel keeps for IPv4 on one interface.
struct InterfaceSettings {
  std::uint32_t index = 0;
  std::optional<std::int64_t> rp_filter{};
  std::optional<std::int64_t> forwarding{};
};
[[nodiscard]] std::optional<InterfaceSettings> parse_netconf(Bytes message);

// A TCP socket that listens, or a UDP socket without a peer; `protocol` is what was asked for.
[[nodiscard]] std::optional<facts::Listener> parse_socket(Bytes message, const char* protocol);

// Marks the IPv6 addresses that are made of their interface's MAC (RFC 4291, appendix A).
void mark_eui64(std::vector<facts::Address>& addresses,
                const std::vector<facts::Interface>& interfaces);

}  // namespace faultline::probe_facts
