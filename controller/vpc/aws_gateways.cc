// Of aws_fields.h: describe-internet-gateways, -egress-only-internet-gateways, -vpn-gateways,
// -nat-gateways, -vpc-peering-connections, -vpn-connections, -vpc-endpoints.
#include <algorithm>

#include "controller/vpc/aws_fields.h"

namespace faultline::vpc::aws {
namespace {

void add_gateway(const Item& item, const char* id, TargetKind kind, const char* attachments) {
  Gateway gateway{.name = item.name(), .kind = kind};
  for (const auto& attachment : item.items(attachments)) {
    const auto state = attachment.text("State");
    if (state == "available" || state == "attached") gateway.network = attachment.text("VpcId");
  }
  item.reading().add(item.reading().model().gateways, item.id(id), std::move(gateway));
}

void read_internet_gateway(const Item& item) {
  add_gateway(item, "InternetGatewayId", TargetKind::kInternetGateway, "Attachments");
}

void read_egress_only_gateway(const Item& item) {
  add_gateway(item, "EgressOnlyInternetGatewayId", TargetKind::kEgressOnlyGateway, "Attachments");
}

void read_virtual_gateway(const Item& item) {
  add_gateway(item, "VpnGatewayId", TargetKind::kVirtualGateway, "VpcAttachments");
}

void read_nat_gateway(const Item& item) {
  NatGateway gateway{.name = item.name(),
                     .network = item.text("VpcId"),
                     .subnet = item.text("SubnetId"),
                     .state = item.text("State"),
                     .is_public = item.text("ConnectivityType") != "private"};
  for (const auto& entry : item.items("NatGatewayAddresses")) {
    const auto address = entry.address("PrivateIp");
    if (address) gateway.addresses.push_back({*address, entry.address("PublicIp")});
  }
  item.reading().add(item.reading().model().nat_gateways, item.id("NatGatewayId"),
                     std::move(gateway));
}

PeeringSide side_of(const Item& item) {
  PeeringSide side{.network = item.text("VpcId"),
                   .account = item.text("OwnerId"),
                   .region = item.text("Region")};
  for (const auto& block : item.items("CidrBlockSet")) {
    if (const auto prefix = block.prefix("CidrBlock")) side.prefixes.push_back(*prefix);
  }
  if (const auto prefix = item.prefix("CidrBlock"); prefix && side.prefixes.empty()) {
    side.prefixes.push_back(*prefix);
  }
  for (const auto& block : item.items("Ipv6CidrBlockSet")) {
    if (const auto prefix = block.prefix("Ipv6CidrBlock")) side.prefixes.push_back(*prefix);
  }
  return side;
}

void read_peering(const Item& item) {
  Peering peering{.name = item.name(),
                  .state = item.child("Status").text("Code"),
                  .requester = side_of(item.child("RequesterVpcInfo")),
                  .accepter = side_of(item.child("AccepterVpcInfo"))};
  item.reading().add(item.reading().model().peerings, item.id("VpcPeeringConnectionId"),
                     std::move(peering));
}

void read_vpn_connection(const Item& item) {
  VpnConnection vpn{.name = item.name(),
                    .state = item.text("State"),
                    .virtual_gateway = item.text("VpnGatewayId"),
                    .transit_gateway = item.text("TransitGatewayId"),
                    .static_routes_only = item.child("Options").flag("StaticRoutesOnly", false)};
  for (const auto& route : item.items("Routes")) {
    const auto prefix = route.prefix("DestinationCidrBlock");
    const auto state = route.text("State");
    if (prefix && state != "deleted" && state != "deleting") vpn.static_routes.push_back(*prefix);
  }
  for (const auto& tunnel : item.items("VgwTelemetry")) {
    vpn.tunnels.push_back({tunnel.text("OutsideIpAddress"), tunnel.text("Status") == "UP"});
  }
  item.reading().add(item.reading().model().vpn_connections, item.id("VpnConnectionId"),
                     std::move(vpn));
}

EndpointKind endpoint_kind(std::string_view text) {
  if (text == "Gateway") return EndpointKind::kGateway;
  if (text == "Interface") return EndpointKind::kInterface;
  if (text == "GatewayLoadBalancer") return EndpointKind::kAppliance;
  return EndpointKind::kOther;
}

void read_endpoint(const Item& item) {
  Endpoint endpoint{.name = item.name(),
                    .network = item.text("VpcId"),
                    .kind = endpoint_kind(item.text("VpcEndpointType")),
                    .service = item.text("ServiceName"),
                    .state = item.text("State"),
                    .interfaces = item.texts("NetworkInterfaceIds")};
  std::ranges::sort(endpoint.interfaces);
  item.reading().add(item.reading().model().endpoints, item.id("VpcEndpointId"),
                     std::move(endpoint));
}

}  // namespace

std::vector<Kind> gateway_kinds() {
  return {{"InternetGateways", "internet gateways", read_internet_gateway},
          {"EgressOnlyInternetGateways", "egress-only internet gateways", read_egress_only_gateway},
          {"VpnGateways", "virtual private gateways", read_virtual_gateway},
          {"NatGateways", "NAT gateways", read_nat_gateway},
          {"VpcPeeringConnections", "peering connections", read_peering},
          {"VpnConnections", "VPN connections", read_vpn_connection},
          {"VpcEndpoints", "endpoints", read_endpoint}};
}

}  // namespace faultline::vpc::aws
