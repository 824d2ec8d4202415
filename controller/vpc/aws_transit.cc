// Of aws_fields.h: describe-transit-gateways, -transit-gateway-attachments, -vpc-attachments,
// -peering-attachments, -route-tables; search-transit-gateway-routes;
// get-transit-gateway-route-table-associations and -propagations.
//
// An attachment is described by up to three answers, which are put together. A peering attachment
// has one id for both of its gateways and is kept once for each (attachment_id()).
#include <algorithm>

#include "controller/vpc/aws_fields.h"
#include "controller/vpc/index.h"

namespace faultline::vpc::aws {
namespace {

AttachmentKind attachment_kind(std::string_view text) {
  if (text == "vpc") return AttachmentKind::kNetwork;
  if (text == "vpn") return AttachmentKind::kVpn;
  if (text == "direct-connect-gateway") return AttachmentKind::kPrivateLine;
  if (text == "peering" || text == "tgw-peering") return AttachmentKind::kPeering;
  return AttachmentKind::kOther;
}

void set(std::string& field, std::string value) {
  if (!value.empty()) field = std::move(value);
}

void read_transit_gateway(const Item& item) {
  const auto references = item.child("Options").text("SecurityGroupReferencingSupport");
  TransitGateway gateway{
      .name = item.name(), .state = item.text("State"), .group_references = references == "enable"};
  item.reading().add(item.reading().model().transit_gateways, item.id("TransitGatewayId"),
                     std::move(gateway));
}

void read_attachment(const Item& item) {
  const auto kind = attachment_kind(item.text("ResourceType"));
  const auto gateway = item.id("TransitGatewayId");
  const auto id = attachment_id(item.id("TransitGatewayAttachmentId"), kind, gateway);
  auto& attachment = item.reading().model().attachments[id];
  set(attachment.name, item.name());
  attachment.transit_gateway = gateway;
  attachment.kind = kind;
  set(attachment.resource, item.text("ResourceId"));
  set(attachment.state, item.text("State"));
  const auto association = item.child("Association");
  if (association.text("State") == "associated") {
    set(attachment.table, association.text("TransitGatewayRouteTableId"));
  }
}

void read_network_attachment(const Item& item) {
  auto& attachment = item.reading().model().attachments[item.id("TransitGatewayAttachmentId")];
  set(attachment.name, item.name());
  attachment.transit_gateway = item.id("TransitGatewayId");
  attachment.kind = AttachmentKind::kNetwork;
  attachment.resource = item.id("VpcId");
  set(attachment.state, item.text("State"));
  attachment.subnets = item.texts("SubnetIds");
  attachment.subnets_known = true;
  std::ranges::sort(attachment.subnets);
  const auto references = item.child("Options").text("SecurityGroupReferencingSupport");
  attachment.group_references = references == "enable";
}

void read_peering_attachment(const Item& item) {
  const auto id = item.id("TransitGatewayAttachmentId");
  const auto requester = item.child("RequesterTgwInfo").id("TransitGatewayId");
  const auto accepter = item.child("AccepterTgwInfo").id("TransitGatewayId");
  for (const auto& [gateway, peer] :
       {std::pair{requester, accepter}, std::pair{accepter, requester}}) {
    auto& attachment =
        item.reading().model().attachments[attachment_id(id, AttachmentKind::kPeering, gateway)];
    set(attachment.name, item.name());
    attachment.transit_gateway = gateway;
    attachment.kind = AttachmentKind::kPeering;
    attachment.resource = peer;
    set(attachment.state, item.text("State"));
  }
}

void read_table(const Item& item) {
  auto& table = item.reading().model().transit_tables[item.id("TransitGatewayRouteTableId")];
  set(table.name, item.name());
  set(table.transit_gateway, item.id("TransitGatewayId"));
}

// Carries out `change` once it is known which table an answer is about.
template <typename Change>
void with_table(const Reading& reading, const char* what, Change change) {
  reading.draft.afterwards.emplace_back([owner = reading.owner, what, change](Draft& draft) {
    auto& tables = draft.import.model.transit_tables;
    if (!owner.empty()) return change(draft.import.model, owner, tables[owner]);
    if (tables.size() == 1) {
      return change(draft.import.model, tables.begin()->first, tables.begin()->second);
    }
    ++draft.import.report.skipped[what];
  });
}

void read_route(const Item& item) {
  TransitRoute route{.destination = item.prefix("DestinationCidrBlock"),
                     .prefix_list = item.text("PrefixListId"),
                     .blackhole = item.text("State") == "blackhole",
                     .propagated = item.text("Type") == "propagated"};
  const auto state = item.text("State");
  if (!route.destination && route.prefix_list.empty()) {
    item.error("DestinationCidrBlock", "is missing");
  }
  for (const auto& attachment : item.items("TransitGatewayAttachments")) {
    route.attachments.push_back(attachment.id("TransitGatewayAttachmentId"));
  }
  std::ranges::sort(route.attachments);
  if (state == "deleted" || state == "deleting") return;
  with_table(item.reading(), "transit gateway routes that do not say of which route table",
             [route](Model&, const std::string&, TransitTable& table) {
               table.routes_known = true;
               if (std::ranges::find(table.routes, route) == table.routes.end()) {
                 table.routes.push_back(route);
               }
             });
}

void read_association(const Item& item) {
  const auto state = item.text("State");
  if (state != "associated") return item.reading().skip("associations that are not in force");
  const auto id = item.id("TransitGatewayAttachmentId");
  const auto kind = attachment_kind(item.text("ResourceType"));
  const auto resource = item.text("ResourceId");
  with_table(item.reading(), "associations that do not say of which route table",
             [id, kind, resource](Model& model, const std::string& owner, TransitTable& table) {
               auto& attachment = model.attachments[attachment_id(id, kind, table.transit_gateway)];
               attachment.table = owner;
               if (attachment.transit_gateway.empty()) {
                 attachment.transit_gateway = table.transit_gateway;
                 attachment.kind = kind;
                 attachment.resource = resource;
               }
             });
}

void read_propagation(const Item& item) {
  if (item.text("State") != "enabled") {
    return item.reading().skip("propagations that are not in force");
  }
  const auto id = item.id("TransitGatewayAttachmentId");
  with_table(item.reading(), "propagations that do not say of which route table",
             [id](Model&, const std::string&, TransitTable& table) {
               if (std::ranges::find(table.propagating, id) != table.propagating.end()) return;
               table.propagating.push_back(id);
               std::ranges::sort(table.propagating);
             });
}

}  // namespace

std::vector<Kind> transit_kinds() {
  constexpr const char* kOwner = "TransitGatewayRouteTableId";
  constexpr const char* kIds = "tgw-rtb-";
  return {
      {"TransitGateways", "transit gateways", read_transit_gateway},
      {"TransitGatewayAttachments", "transit gateway attachments", read_attachment},
      {"TransitGatewayVpcAttachments", "transit gateway attachments", read_network_attachment},
      {"TransitGatewayPeeringAttachments", "transit gateway attachments", read_peering_attachment},
      {"TransitGatewayRouteTables", "transit gateway route tables", read_table},
      {"Routes", "transit gateway routes", read_route, kOwner, kIds},
      {"Associations", "transit gateway associations", read_association, kOwner, kIds},
      {"TransitGatewayRouteTablePropagations", "transit gateway propagations", read_propagation,
       kOwner, kIds}};
}

}  // namespace faultline::vpc::aws
