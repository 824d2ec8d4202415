// Of aws_fields.h: describe-route-tables.
#include <algorithm>
#include <array>

#include "controller/vpc/aws_fields.h"

namespace faultline::vpc::aws {
namespace {

struct TargetMember {
  const char* key;
  TargetKind kind;
};
// A route through an instance names its interface, too, which says more.
constexpr std::array kTargets{
    TargetMember{"NatGatewayId", TargetKind::kNatGateway},
    TargetMember{"TransitGatewayId", TargetKind::kTransitGateway},
    TargetMember{"VpcPeeringConnectionId", TargetKind::kPeering},
    TargetMember{"EgressOnlyInternetGatewayId", TargetKind::kEgressOnlyGateway},
    TargetMember{"NetworkInterfaceId", TargetKind::kInterface},
    TargetMember{"LocalGatewayId", TargetKind::kOther},
    TargetMember{"CarrierGatewayId", TargetKind::kOther},
    TargetMember{"CoreNetworkArn", TargetKind::kOther},
    TargetMember{"InstanceId", TargetKind::kOther}};

TargetKind kind_of_gateway(std::string_view id) {
  if (id == "local") return TargetKind::kLocal;
  if (id.starts_with("igw-")) return TargetKind::kInternetGateway;
  if (id.starts_with("vgw-")) return TargetKind::kVirtualGateway;
  if (id.starts_with("vpce-")) return TargetKind::kEndpoint;
  return TargetKind::kOther;
}

void read_target(const Item& item, Route& route) {
  const auto gateway = item.text("GatewayId");
  if (!gateway.empty()) {
    route.kind = kind_of_gateway(gateway);
    route.target = gateway;
    return;
  }
  for (const auto& member : kTargets) {
    const auto id = item.text(member.key);
    if (id.empty()) continue;
    route.kind = member.kind;
    route.target = id;
    return;
  }
}

Route route_of(const Item& item) {
  Route route;
  route.destination = item.prefix("DestinationCidrBlock");
  if (!route.destination) route.destination = item.prefix("DestinationIpv6CidrBlock");
  if (!route.destination) route.prefix_list = item.text("DestinationPrefixListId");
  if (!route.destination && route.prefix_list.empty()) {
    item.error("DestinationCidrBlock", "is missing");
  }
  route.blackhole = item.text("State") == "blackhole";
  route.propagated = item.text("Origin") == "EnableVgwRoutePropagation";
  read_target(item, route);
  return route;
}

void read_route_table(const Item& item) {
  RouteTable table{.name = item.name(), .network = item.id("VpcId")};
  for (const auto& association : item.items("Associations")) {
    const auto state = association.child("AssociationState").text("State");
    if (state == "disassociated" || state == "failed") continue;
    if (association.flag("Main", false)) table.main = true;
    const auto subnet = association.text("SubnetId");
    const auto gateway = association.text("GatewayId");
    if (!subnet.empty()) table.subnets.push_back(subnet);
    if (!gateway.empty()) table.gateways.push_back(gateway);
  }
  for (const auto& route : item.items("Routes")) table.routes.push_back(route_of(route));
  std::ranges::sort(table.subnets);
  std::ranges::sort(table.gateways);
  item.reading().add(item.reading().model().route_tables, item.id("RouteTableId"),
                     std::move(table));
}

}  // namespace

std::vector<Kind> route_kinds() { return {{"RouteTables", "route tables", read_route_table}}; }

}  // namespace faultline::vpc::aws
