// The snapshot's elements as components for tomography: what can be at fault on the way of a flow.
//
// Why it exists: a VPN tunnel or a NAT gateway can lose packets like a switch. An answer's trail
// says which elements the packets of a flow meet; here they get the kinds and names that
// schemas/bundle.md and the inventory use ("gateway", "tunnel", "zone", "vm"), and memberships: an
// interface is in a zone, a tunnel belongs to its connection's gateway.
//
// The pure leaves do not know each other: whoever puts them together turns a Component into a
// device of the inventory. Thread safety: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/vpc/reach.h"

namespace faultline::vpc {

enum class ComponentKind : std::uint8_t { kVm, kGateway, kTunnel, kZone };
// As in the bundle and the inventory.
[[nodiscard]] std::string_view to_string(ComponentKind kind);

struct Component {
  std::string id{};
  std::string name{};  // for people; may be empty
  ComponentKind kind = ComponentKind::kGateway;
  std::vector<IpAddress> addresses{};  // ascending; by which traces may show it
  std::vector<std::string> within{};  // ids of components that it fails with: its zone, its gateway

  bool operator==(const Component&) const = default;
};

// Ascending by id: zones ("us-east-1a"), machines, gateways of all kinds, peering connections and
// transit gateways, and each VPN tunnel ("vpn-1/203.0.113.10").
[[nodiscard]] std::vector<Component> components_of(const Model& model);

// The components that a conversation crosses in one direction, in their order, each once. Tunnels
// of a VPN connection that are up all belong to it, for nothing tells which one carries a flow.
[[nodiscard]] std::vector<std::string> components_on_path(const Model& model, const Answer& answer,
                                                          Direction direction);

}  // namespace faultline::vpc
