// Of aws_fields.h: describe-network-interfaces, describe-instances.
#include <algorithm>

#include "controller/vpc/aws_fields.h"

namespace faultline::vpc::aws {
namespace {

void read_addresses(const Item& item, Interface& interface) {
  for (const auto& entry : item.items("PrivateIpAddresses")) {
    const auto address = entry.address("PrivateIpAddress");
    if (!address) continue;
    interface.addresses.push_back({*address, entry.child("Association").address("PublicIp")});
  }
  if (interface.addresses.empty()) {
    if (const auto address = item.address("PrivateIpAddress")) {
      interface.addresses.push_back({*address, item.child("Association").address("PublicIp")});
    }
  }
  for (const auto& entry : item.items("Ipv6Addresses")) {
    if (const auto address = entry.address("Ipv6Address")) {
      interface.addresses.push_back({*address, std::nullopt});
    }
  }
  for (const auto& entry : item.items("Ipv4Prefixes")) {
    if (const auto prefix = entry.prefix("Ipv4Prefix")) interface.delegated.push_back(*prefix);
  }
  for (const auto& entry : item.items("Ipv6Prefixes")) {
    if (const auto prefix = entry.prefix("Ipv6Prefix")) interface.delegated.push_back(*prefix);
  }
}

// The same members in both answers, but for the machine and the tags.
Interface interface_of(const Item& item) {
  Interface interface {
    .name = item.name("TagSet"), .kind = item.text("InterfaceType"), .network = item.text("VpcId"),
    .subnet = item.text("SubnetId"), .machine = item.child("Attachment").text("InstanceId"),
    .forwards = !item.flag("SourceDestCheck", true)
  };
  if (interface.kind.empty()) interface.kind = "interface";
  const auto status = item.text("Status");
  interface.attached = status.empty() || status == "in-use" || status == "associated";
  for (const auto& group : item.items("Groups")) interface.groups.push_back(group.id("GroupId"));
  std::ranges::sort(interface.groups);
  read_addresses(item, interface);
  return interface;
}

void read_interface(const Item& item) {
  auto& reading = item.reading();
  reading.add(reading.model().interfaces, item.id("NetworkInterfaceId"), interface_of(item));
}

void read_instance(const Item& item) {
  auto& reading = item.reading();
  const auto id = item.id("InstanceId");
  Machine machine{.name = item.name(), .state = item.child("State").text("Name")};
  for (const auto& entry : item.items("NetworkInterfaces")) {
    const auto interface_id = entry.id("NetworkInterfaceId");
    machine.interfaces.push_back(interface_id);
    // describe-network-interfaces knows more; this is for a snapshot without it.
    auto interface = interface_of(entry);
    interface.machine = id;
    reading.draft.afterwards.emplace_back([interface_id, interface](Draft& draft) {
      draft.import.model.interfaces.try_emplace(interface_id, interface);
    });
  }
  std::ranges::sort(machine.interfaces);
  reading.add(reading.model().machines, id, std::move(machine));
}

void read_reservation(const Item& item) {
  for (const auto& instance : item.items("Instances")) read_instance(instance);
}

}  // namespace

std::vector<Kind> interface_kinds() {
  return {{"NetworkInterfaces", "interfaces", read_interface},
          {"Reservations", "reservations of instances", read_reservation}};
}

}  // namespace faultline::vpc::aws
