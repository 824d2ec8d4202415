// Of aws_fields.h: describe-vpcs, describe-subnets, describe-managed-prefix-lists and
// describe-prefix-lists, get-managed-prefix-list-entries.
#include <algorithm>

#include "controller/vpc/aws_fields.h"

namespace faultline::vpc::aws {
namespace {

void append(std::vector<Prefix>& prefixes, const std::optional<Prefix>& prefix) {
  if (prefix && std::ranges::find(prefixes, *prefix) == prefixes.end()) prefixes.push_back(*prefix);
}

// Blocks that were taken away stay in the list for a while.
bool is_associated(const Item& block, const char* state) {
  const auto value = block.child(state).text("State");
  return value.empty() || value == "associated" || value == "associating";
}

void read_network(const Item& item) {
  Network network{.name = item.name(), .account = item.text("OwnerId")};
  append(network.prefixes, item.prefix("CidrBlock"));
  for (const auto& block : item.items("CidrBlockAssociationSet")) {
    if (is_associated(block, "CidrBlockState")) append(network.prefixes, block.prefix("CidrBlock"));
  }
  for (const auto& block : item.items("Ipv6CidrBlockAssociationSet")) {
    if (!is_associated(block, "Ipv6CidrBlockState")) continue;
    append(network.prefixes, block.prefix("Ipv6CidrBlock"));
  }
  item.reading().add(item.reading().model().networks, item.id("VpcId"), std::move(network));
}

// "us-west-2" of "us-west-2a" and of "us-west-2-lax-1a".
std::string region_of(std::string_view zone) {
  const auto digit = zone.find_first_of("0123456789");
  return std::string{digit == std::string_view::npos ? "" : zone.substr(0, digit + 1)};
}

void read_subnet(const Item& item) {
  Subnet subnet{
      .name = item.name(), .network = item.id("VpcId"), .zone = item.text("AvailabilityZone")};
  append(subnet.prefixes, item.prefix("CidrBlock"));
  for (const auto& block : item.items("Ipv6CidrBlockAssociationSet")) {
    if (!is_associated(block, "Ipv6CidrBlockState")) continue;
    append(subnet.prefixes, block.prefix("Ipv6CidrBlock"));
  }
  item.reading().draft.afterwards.emplace_back(
      [network = subnet.network, region = region_of(subnet.zone)](Draft& draft) {
        const auto found = draft.import.model.networks.find(network);
        if (found != draft.import.model.networks.end()) found->second.region = region;
      });
  item.reading().add(item.reading().model().subnets, item.id("SubnetId"), std::move(subnet));
}

// Lists of the cloud's own services come with their blocks (describe-prefix-lists).
void read_prefix_list(const Item& item) {
  auto& list = item.reading().model().prefix_lists[item.id("PrefixListId")];
  if (list.name.empty()) list.name = item.text("PrefixListName");
  for (const auto& text : item.texts("Cidrs")) {
    const auto prefix = Prefix::parse(text);
    if (!prefix) item.error("Cidrs", "'" + text + "' is not a prefix");
    append(list.prefixes, prefix);
    list.entries_known = true;
  }
  std::ranges::sort(list.prefixes);
}

void add_entry(Model& model, const std::string& owner, const Prefix& prefix) {
  auto& list = model.prefix_lists[owner];
  list.entries_known = true;
  append(list.prefixes, prefix);
  std::ranges::sort(list.prefixes);
}

void read_prefix_list_entry(const Item& item) {
  const auto prefix = item.prefix("Cidr");
  if (!prefix) item.error("Cidr", "is missing");
  if (!prefix) return;
  auto& reading = item.reading();
  if (!reading.owner.empty()) return add_entry(reading.model(), reading.owner, *prefix);
  reading.draft.afterwards.emplace_back([prefix = *prefix, file = reading.file](Draft& draft) {
    auto& model = draft.import.model;
    if (model.prefix_lists.size() == 1) {
      return add_entry(model, model.prefix_lists.begin()->first, prefix);
    }
    ++draft.import.report.skipped["prefix list entries that do not say of which list"];
  });
}

}  // namespace

std::vector<Kind> network_kinds() {
  return {{"Vpcs", "networks", read_network},
          {"Subnets", "subnets", read_subnet},
          {"PrefixLists", "prefix lists", read_prefix_list},
          {"Entries", "prefix list entries", read_prefix_list_entry, "PrefixListId", "pl-"}};
}

}  // namespace faultline::vpc::aws
