#include "controller/vpc/index.h"

#include <algorithm>

#include <fmt/format.h>

namespace faultline::vpc {
namespace {

template <typename T, typename Predicate>
Entry<T> first_of(const ById<T>& table, Predicate predicate) {
  for (const auto& entry : table) {
    if (predicate(entry.second)) return &entry;
  }
  return nullptr;
}

bool names(const std::vector<std::string>& ids, std::string_view id) {
  return std::ranges::find(ids, id) != ids.end();
}

// The longest block of a destination, which is a prefix or a prefix list, that has the address.
std::optional<Prefix> matching(const Model& model, const std::optional<Prefix>& destination,
                               const std::string& prefix_list, const IpAddress& address) {
  if (destination) return destination->contains(address) ? destination : std::nullopt;
  const auto* list = find(model.prefix_lists, prefix_list);
  std::optional<Prefix> best;
  if (list == nullptr) return best;
  for (const auto& prefix : list->prefixes) {
    if (prefix.contains(address) && (!best || prefix.length() > best->length())) best = prefix;
  }
  return best;
}

int preference(const Route& route) {
  if (route.kind == TargetKind::kLocal) return 3;
  if (route.propagated) return 0;
  return route.destination ? 2 : 1;
}

// What propagation gives a table whose routes are not told.
std::vector<TransitRoute> propagated_routes(const Model& model, const TransitTable& table) {
  std::vector<TransitRoute> routes;
  const auto add = [&](const Prefix& prefix, const std::string& attachment) {
    routes.push_back({.destination = prefix, .attachments = {attachment}, .propagated = true});
  };
  for (const auto& id : table.propagating) {
    const auto* attachment = find_attachment(model, id, table.transit_gateway);
    if (attachment == nullptr) continue;
    if (const auto* network = find(model.networks, attachment->second.resource)) {
      for (const auto& prefix : network->prefixes) add(prefix, id);
    }
    if (const auto* vpn = find(model.vpn_connections, attachment->second.resource)) {
      for (const auto& prefix : vpn->static_routes) add(prefix, id);
    }
  }
  return routes;
}

}  // namespace

std::string attachment_id(const std::string& id, AttachmentKind kind, const std::string& gateway) {
  return kind == AttachmentKind::kPeering ? id + "@" + gateway : id;
}

Entry<Attachment> find_attachment(const Model& model, const std::string& id,
                                  const std::string& gateway) {
  const auto* plain = entry(model.attachments, id);
  return plain != nullptr ? plain : entry(model.attachments, id + "@" + gateway);
}

Entry<RouteTable> table_of_subnet(const Model& model, const std::string& subnet) {
  const auto* own = first_of(model.route_tables,
                             [&](const RouteTable& table) { return names(table.subnets, subnet); });
  if (own != nullptr) return own;
  const auto* known = find(model.subnets, subnet);
  if (known == nullptr) return nullptr;
  return first_of(model.route_tables, [&](const RouteTable& table) {
    return table.main && table.network == known->network;
  });
}

Entry<RouteTable> table_of_gateway(const Model& model, const std::string& gateway) {
  return first_of(model.route_tables,
                  [&](const RouteTable& table) { return names(table.gateways, gateway); });
}

Entry<AccessList> list_of_subnet(const Model& model, const std::string& subnet) {
  const auto* own = first_of(model.access_lists,
                             [&](const AccessList& list) { return names(list.subnets, subnet); });
  if (own != nullptr) return own;
  const auto* known = find(model.subnets, subnet);
  if (known == nullptr) return nullptr;
  return first_of(model.access_lists, [&](const AccessList& list) {
    return list.fallback && list.network == known->network;
  });
}

bool has_address(const std::vector<Prefix>& prefixes, const IpAddress& address) {
  return std::ranges::any_of(prefixes,
                             [&](const Prefix& prefix) { return prefix.contains(address); });
}

bool has_address(const Network& network, const IpAddress& address) {
  return has_address(network.prefixes, address);
}

bool has_address(const Interface& interface, const IpAddress& address) {
  return std::ranges::find(interface.addresses, address, &InterfaceAddress::address) !=
             interface.addresses.end() ||
         has_address(interface.delegated, address);
}

Entry<Interface> interface_at(const Model& model, std::string_view network,
                              const IpAddress& address) {
  return first_of(model.interfaces, [&](const Interface& interface) {
    return interface.network == network && has_address(interface, address);
  });
}

std::optional<PublicOwner> public_owner(const Model& model, const IpAddress& address) {
  for (const auto& interface : model.interfaces) {
    for (const auto& own : interface.second.addresses) {
      if (own.public_address == address) return PublicOwner{&interface, own.address};
      // IPv6 is public as it is.
      if (!address.is_v4() && own.address == address) return PublicOwner{&interface, address};
    }
  }
  return std::nullopt;
}

Entry<NatGateway> nat_at(const Model& model, std::string_view network, const IpAddress& address) {
  return first_of(model.nat_gateways, [&](const NatGateway& gateway) {
    return gateway.network == network &&
           std::ranges::find(gateway.addresses, address, &InterfaceAddress::address) !=
               gateway.addresses.end();
  });
}

Entry<Subnet> subnet_at(const Model& model, std::string_view network, const IpAddress& address) {
  return first_of(model.subnets, [&](const Subnet& subnet) {
    return subnet.network == network && has_address(subnet.prefixes, address);
  });
}

Entry<Gateway> gateway_of_network(const Model& model, std::string_view network, TargetKind kind) {
  return first_of(model.gateways, [&](const Gateway& gateway) {
    return gateway.kind == kind && gateway.network == network;
  });
}

std::optional<ChosenRoute> longest_route(const Model& model, const RouteTable& table,
                                         const IpAddress& address) {
  std::optional<ChosenRoute> best;
  for (const auto& route : table.routes) {
    const auto prefix = matching(model, route.destination, route.prefix_list, address);
    if (!prefix) continue;
    const bool better =
        !best || prefix->length() > best->prefix.length() ||
        (prefix->length() == best->prefix.length() && preference(route) > preference(*best->route));
    if (better) best = ChosenRoute{&route, *prefix};
  }
  return best;
}

std::optional<ChosenTransitRoute> longest_route(const Model& model, const TransitTable& table,
                                                const IpAddress& address) {
  std::optional<ChosenTransitRoute> best;
  const auto given = table.routes_known ? table.routes : propagated_routes(model, table);
  for (const auto& route : given) {
    const auto prefix = matching(model, route.destination, route.prefix_list, address);
    if (!prefix) continue;
    const bool better =
        !best || prefix->length() > best->prefix.length() ||
        (prefix->length() == best->prefix.length() && best->route.propagated && !route.propagated);
    if (better) best = ChosenTransitRoute{route, *prefix};
  }
  return best;
}

std::string label(const std::string& id, const std::string& name) {
  return name.empty() ? id : fmt::format("{} ({})", name, id);
}

}  // namespace faultline::vpc
