// Look-ups in a Model that more than one part needs: what belongs to which subnet, who has an
// address, which route is the longest.
//
// References into the model; it must outlive what is returned. Thread safety: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/vpc/model.h"

namespace faultline::vpc {

// The entry of a table with its id; null when there is none.
template <typename T>
using Entry = const std::pair<const std::string, T>*;

template <typename T>
[[nodiscard]] Entry<T> entry(const ById<T>& table, std::string_view id) {
  const auto found = table.find(id);
  return found == table.end() ? nullptr : &*found;
}

// The key of an attachment in the model: peering attachments carry their gateway.
[[nodiscard]] std::string attachment_id(const std::string& id, AttachmentKind kind,
                                        const std::string& gateway);
// The attachment that a route of that gateway's tables names; null when it is not known.
[[nodiscard]] Entry<Attachment> find_attachment(const Model& model, const std::string& id,
                                                const std::string& gateway);

// The one named for it, else the network's main one.
[[nodiscard]] Entry<RouteTable> table_of_subnet(const Model& model, const std::string& subnet);
[[nodiscard]] Entry<RouteTable> table_of_gateway(const Model& model, const std::string& gateway);
// The one named for it, else the network's default one.
[[nodiscard]] Entry<AccessList> list_of_subnet(const Model& model, const std::string& subnet);

// Who has that private (or IPv6) address in that network.
[[nodiscard]] Entry<Interface> interface_at(const Model& model, std::string_view network,
                                            const IpAddress& address);
// Who is translated to that public address, in any network; with the private address.
struct PublicOwner {
  Entry<Interface> interface = nullptr;
  IpAddress address{};
};
[[nodiscard]] std::optional<PublicOwner> public_owner(const Model& model, const IpAddress& address);
[[nodiscard]] Entry<NatGateway> nat_at(const Model& model, std::string_view network,
                                       const IpAddress& address);
[[nodiscard]] Entry<Subnet> subnet_at(const Model& model, std::string_view network,
                                      const IpAddress& address);

[[nodiscard]] bool has_address(const Network& network, const IpAddress& address);
[[nodiscard]] bool has_address(const std::vector<Prefix>& prefixes, const IpAddress& address);
[[nodiscard]] bool has_address(const Interface& interface, const IpAddress& address);
// Of that attached network.
[[nodiscard]] Entry<Gateway> gateway_of_network(const Model& model, std::string_view network,
                                                TargetKind kind);

// The route that takes packets to `address`, and the block that decided it. The longest block wins;
// of equal ones local, then static, then static by prefix list, then propagated.
struct ChosenRoute {
  const Route* route = nullptr;
  Prefix prefix{};
};
[[nodiscard]] std::optional<ChosenRoute> longest_route(const Model& model, const RouteTable& table,
                                                       const IpAddress& address);
struct ChosenTransitRoute {
  TransitRoute route{};
  Prefix prefix{};
};
// Where the table's routes are not in the snapshot, those that propagation gives it.
[[nodiscard]] std::optional<ChosenTransitRoute> longest_route(const Model& model,
                                                              const TransitTable& table,
                                                              const IpAddress& address);

// "h1 (i-0abc)", or the id alone where it has no name.
[[nodiscard]] std::string label(const std::string& id, const std::string& name);

}  // namespace faultline::vpc
