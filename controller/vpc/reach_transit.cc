// Of reach_walk.h: between networks, by peering, virtual private gateway and transit gateway.
#include <algorithm>

#include <fmt/format.h>

#include "controller/vpc/reach_walk.h"

namespace faultline::vpc {

Walk::Outcome Walk::through_peering(const Place& place, const std::string& id) {
  const auto* peering = find(model_.peerings, id);
  if (peering == nullptr) {
    return unknown("NOT_IN_SNAPSHOT", id,
                   fmt::format("peering connection {} is not in the snapshot", id));
  }
  if (peering->state != "active") {
    return stop("BAD_STATE", id, "",
                fmt::format("peering connection {} is {}", id, peering->state));
  }
  const bool requests = peering->requester.network == place.network;
  const auto& own = requests ? peering->requester : peering->accepter;
  const auto& peer = requests ? peering->accepter : peering->requester;
  for (const auto& [side, address] :
       {std::pair{&own, packet_.source}, {&peer, packet_.destination}}) {
    // A network that was extended has blocks that the peering does not tell.
    const auto* network = find(model_.networks, side->network);
    if (has_address(side->prefixes, address)) continue;
    if (network != nullptr && has_address(*network, address)) continue;
    return stop("PCX_REQUIRES_ADDRESS_IN_VPC_CIDR", id, "",
                fmt::format("peering is not transitive: {} is not an address of {}, and {} carries "
                            "nothing else on that side",
                            address.to_string(), side->network, id));
  }
  pass(id, "peering connection", own.network + " -> " + peer.network);
  if (own.region != peer.region) lose_groups(packet_, "SG_REFERENCES_NOT_PRESERVED");
  if (find(model_.networks, peer.network) == nullptr) {
    return unknown("NOT_IN_SNAPSHOT", peer.network,
                   fmt::format("the peer {} (account {}) is not in the snapshot", peer.network,
                               peer.account.empty() ? "unknown" : peer.account));
  }
  return deliver({peer.network, ""});
}

// All tunnels down, or the connection itself.
std::optional<Stop> Walk::vpn_stop(const std::string& id, const VpnConnection& vpn) const {
  const bool down =
      !vpn.tunnels.empty() &&
      std::ranges::none_of(vpn.tunnels, [](const Tunnel& tunnel) { return tunnel.up; });
  if (vpn.state == "available" && !down) return std::nullopt;
  return stop("BAD_STATE_VPN", id, "",
              fmt::format("VPN connection {} {}", label(id, vpn.name),
                          down ? "has all its tunnels down" : "is " + vpn.state))
      .value();
}

Walk::Outcome Walk::through_virtual_gateway(const Place& place, const std::string& id) {
  const auto* gateway = find(model_.gateways, id);
  if (gateway != nullptr && gateway->network != place.network) {
    return stop("BAD_STATE_ATTACHMENT", id, "",
                fmt::format("virtual private gateway {} is not attached to {}", id, place.network));
  }
  lose_groups(packet_, "SG_REFERENCES_NOT_PRESERVED");
  std::optional<Stop> first_stop;
  bool any = false;
  for (const auto& [vpn_id, vpn] : model_.vpn_connections) {
    if (vpn.virtual_gateway != id) continue;
    any = true;
    if (vpn.static_routes_only && !has_address(vpn.static_routes, packet_.destination)) continue;
    auto stopped = vpn_stop(vpn_id, vpn);
    if (!stopped) {
      pass(vpn_id, "VPN connection of " + id, "");
      return Arrival{.door = {DoorKind::kVirtualGateway, id}, .packet = packet_};
    }
    if (!first_stop) first_stop = std::move(stopped);
  }
  if (first_stop) return tl::unexpected(*first_stop);
  if (any) {
    return stop("NO_ROUTE_TO_DESTINATION", id, "",
                fmt::format("no VPN connection of {} has a static route to {}", id,
                            packet_.destination.to_string()));
  }
  return unknown("NOT_IN_SNAPSHOT", id,
                 fmt::format("no VPN connection of {} is in the snapshot (a private line?)", id));
}

// `network` is whose it is taken to be where the gateway itself is not in the snapshot.
Walk::Outcome Walk::into_virtual_gateway(const std::string& id, const std::string& network) {
  std::optional<Stop> first_stop;
  const std::string* through = nullptr;  // the connection that it came by
  for (const auto& [vpn_id, vpn] : model_.vpn_connections) {
    if (vpn.virtual_gateway != id) continue;
    auto stopped = vpn_stop(vpn_id, vpn);
    if (stopped && !first_stop) first_stop = std::move(stopped);
    if (stopped) continue;
    // Of several, the one whose routes lead back to where it comes from.
    if (through == nullptr || has_address(vpn.static_routes, packet_.source)) through = &vpn_id;
  }
  if (through == nullptr && first_stop) return tl::unexpected(*first_stop);
  if (through != nullptr) pass(*through, "VPN connection of " + id, "");
  pass(id, "virtual private gateway", "");
  const auto* gateway = find(model_.gateways, id);
  const auto& inside = gateway == nullptr ? network : gateway->network;
  const auto* known = find(model_.networks, inside);
  if (known != nullptr && !has_address(*known, packet_.destination)) {
    return stop("VGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", id, "",
                fmt::format("{} is not an address of {}", packet_.destination.to_string(), inside));
  }
  return deliver({inside, ""});
}

std::optional<Stop> Walk::attachment_stop(Entry<Attachment> attachment) const {
  const auto& state = attachment->second.state;
  if (state.empty() || state == "available") return std::nullopt;
  return stop("BAD_STATE_ATTACHMENT", attachment->first, "",
              fmt::format("transit gateway attachment {} is {}", attachment->first, state))
      .value();
}

Walk::Outcome Walk::through_transit(const Place& place, const std::string& id) {
  Entry<Attachment> own = nullptr;
  for (const auto& attachment : model_.attachments) {
    const auto& value = attachment.second;
    if (value.kind == AttachmentKind::kNetwork && value.transit_gateway == id &&
        value.resource == place.network && (own == nullptr || value.state == "available")) {
      own = &attachment;
    }
  }
  if (own == nullptr) {
    if (model_.attachments.empty()) {
      return unknown(
          "NOT_IN_SNAPSHOT", id,
          fmt::format("the attachments of transit gateway {} are not in the snapshot", id));
    }
    return stop("BAD_STATE_ATTACHMENT", id, "",
                fmt::format("{} is not attached to transit gateway {}", place.network, id));
  }
  const auto* subnet = find(model_.subnets, place.subnet);
  zone_ = subnet == nullptr ? "" : subnet->zone;
  if (own->second.subnets_known && !zone_.empty()) {
    const auto in_zone = std::ranges::find_if(own->second.subnets, [&](const std::string& name) {
      const auto* candidate = find(model_.subnets, name);
      return candidate != nullptr && candidate->zone == zone_;
    });
    if (in_zone == own->second.subnets.end()) {
      return stop("TGW_ROUTE_AZ_RESTRICTION", own->first, "",
                  fmt::format("attachment {} has no subnet in {}, where {} is", own->first, zone_,
                              place.subnet));
    }
    if (*in_zone != place.subnet) {
      if (auto stopped = filter_subnet(*in_zone, Side::kInbound)) return tl::unexpected(*stopped);
    }
  }
  const auto* gateway = find(model_.transit_gateways, id);
  const bool keeps =
      gateway != nullptr && gateway->group_references && own->second.group_references;
  if (!keeps) lose_groups(packet_, "SG_REFERENCING_SUPPORT");
  return into_transit(own);
}

Walk::Outcome Walk::into_transit(Entry<Attachment> attachment) {
  if (++hops_ > kHopsMax) {
    return stop("NO_PATH", attachment->first, "", "the transit gateways' routes lead in a circle");
  }
  if (auto stopped = attachment_stop(attachment)) return tl::unexpected(*stopped);
  if (attachment->second.kind == AttachmentKind::kVpn) {
    const auto* vpn = find(model_.vpn_connections, attachment->second.resource);
    if (vpn != nullptr) {
      if (auto stopped = vpn_stop(attachment->second.resource, *vpn)) {
        return tl::unexpected(*stopped);
      }
    }
  }
  const auto& table_id = attachment->second.table;
  if (table_id.empty()) {
    return stop("TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION", attachment->first, "",
                fmt::format("attachment {} is associated with no route table", attachment->first));
  }
  pass(attachment->first, "transit gateway attachment", "routed by " + table_id);
  const auto* table = find(model_.transit_tables, table_id);
  if (table == nullptr || (!table->routes_known && table->propagating.empty())) {
    return unknown("NOT_IN_SNAPSHOT", table_id,
                   fmt::format("the routes of {} are not in the snapshot (search-transit-gateway-"
                               "routes)",
                               table_id));
  }
  return out_of_transit(*table, table_id, attachment->second.transit_gateway);
}

Walk::Outcome Walk::out_of_transit(const TransitTable& table, const std::string& table_id,
                                   const std::string& gateway) {
  const auto chosen = longest_route(model_, table, packet_.destination);
  const auto destination = packet_.destination.to_string();
  if (!chosen) {
    return stop("TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT", table_id, "",
                fmt::format("transit gateway route table {} has no route to {}",
                            label(table_id, table.name), destination));
  }
  const auto& ids = chosen->route.attachments;
  const auto rule =
      fmt::format("{} -> {}", chosen->prefix.to_string(), ids.empty() ? "nothing" : ids.front());
  if (chosen->route.blackhole || ids.empty()) {
    return stop("TGW_RTB_BAD_STATE_ROUTE", table_id, rule,
                fmt::format("the route {} of {} is a black hole", rule, table_id));
  }
  pass(table_id, "transit gateway route table", rule);
  std::optional<Stop> first_stop;
  for (const auto& id : ids) {  // equal-cost ones: any will do
    const auto* next = find_attachment(model_, id, gateway);
    if (next == nullptr) {
      return unknown("NOT_IN_SNAPSHOT", id,
                     fmt::format("attachment {} is not in the snapshot", id));
    }
    auto stopped = attachment_stop(next);
    const auto* vpn = find(model_.vpn_connections, next->second.resource);
    if (!stopped && vpn != nullptr) stopped = vpn_stop(next->second.resource, *vpn);
    if (stopped) {
      if (!first_stop) first_stop = std::move(stopped);
      continue;
    }
    switch (next->second.kind) {
      case AttachmentKind::kNetwork:
        return into_network(next);
      case AttachmentKind::kPeering:
        return over_peer(next);
      case AttachmentKind::kVpn:
      case AttachmentKind::kPrivateLine:
        lose_groups(packet_, "SG_REFERENCES_NOT_PRESERVED");
        pass(next->first, "transit gateway attachment", next->second.resource);
        return Arrival{.door = {DoorKind::kAttachment, next->first}, .packet = packet_};
      case AttachmentKind::kOther:
        return unknown("NOT_MODELED", id,
                       fmt::format("attachment {} is of a kind that is not modeled", id));
    }
  }
  return tl::unexpected(*first_stop);
}

Walk::Outcome Walk::into_network(Entry<Attachment> attachment) {
  const auto& value = attachment->second;
  if (!value.group_references) lose_groups(packet_, "SG_REFERENCING_SUPPORT");
  pass(attachment->first, "transit gateway attachment", "into " + value.resource);
  if (find(model_.networks, value.resource) == nullptr) {
    return unknown("NOT_IN_SNAPSHOT", value.resource,
                   fmt::format("{} is not in the snapshot", value.resource));
  }
  // It comes out in the zone that it went in from, if the attachment is there.
  const std::string* way_in = nullptr;
  for (const auto& id : value.subnets) {
    const auto* subnet = find(model_.subnets, id);
    if (subnet == nullptr) continue;
    if (way_in == nullptr || (!zone_.empty() && subnet->zone == zone_)) way_in = &id;
    if (!zone_.empty() && subnet->zone == zone_) break;
  }
  if (way_in != nullptr) return onward({value.resource, *way_in, true});
  const auto* network = find(model_.networks, value.resource);
  if (has_address(*network, packet_.destination)) return deliver({value.resource, ""});
  return unknown("NOT_IN_SNAPSHOT", attachment->first,
                 fmt::format("the subnets of attachment {}, by which it routes {}, are not in the "
                             "snapshot",
                             attachment->first, packet_.destination.to_string()));
}

Walk::Outcome Walk::over_peer(Entry<Attachment> attachment) {
  const auto& peer = attachment->second.resource;
  const auto id = attachment->first.substr(0, attachment->first.find('@'));
  const auto* there = entry(model_.attachments, attachment_id(id, AttachmentKind::kPeering, peer));
  pass(attachment->first, "transit gateway peering", "to " + peer);
  lose_groups(packet_, "SG_REFERENCES_NOT_PRESERVED");
  zone_.clear();
  if (there == nullptr ||
      (there->second.table.empty() && find(model_.transit_gateways, peer) == nullptr)) {
    return unknown("NOT_IN_SNAPSHOT", peer,
                   fmt::format("transit gateway {}, the peer of {}, is not in the snapshot", peer,
                               attachment->second.transit_gateway));
  }
  return into_transit(there);
}

}  // namespace faultline::vpc
