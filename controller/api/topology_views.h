// The topology as the API tells it. Plain values, which the application fills.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace faultline::api {

struct DeviceView {
  std::string id;
  std::string kind;
  std::string tier;  // free text, may be empty
  std::vector<std::string> addresses;
  bool declared = false;  // in the inventory
  bool seen = false;      // a node, or it answered a trace

  bool operator==(const DeviceView&) const = default;
};

struct LinkView {
  std::string id;
  std::string from;
  std::string to;
  std::uint64_t flows = 0;  // tracked flows whose known path crosses it
  bool declared = false;

  bool operator==(const LinkView&) const = default;
};

// A virtual machine, and how it hangs on its host, by what both say of themselves.
struct MachineView {
  std::string vm;
  std::string nic;
  std::string host;    // empty: not known
  std::string mode;    // bridged, routed, nat, isolated, macvlan, macvtap, overlay
  std::string bridge;  // of the host; empty: none or not known, as the next two
  std::string port;
  std::string uplink;
  bool proven = false;
  std::vector<std::string> evidence;

  bool operator==(const MachineView&) const = default;
};

// The switch port that a NIC is in, by LLDP.
struct SwitchPortView {
  std::string node;
  std::string nic;
  std::string device;
  std::string port;
  bool known = false;  // a device of the topology
  std::optional<std::uint16_t> vlan;

  bool operator==(const SwitchPortView&) const = default;
};

struct TopologyView {
  std::string source;  // "inventory", "traces", "inventory and traces"
  std::vector<DeviceView> devices;
  std::vector<LinkView> links;
  std::vector<MachineView> machines{};
  std::vector<SwitchPortView> ports{};
  std::vector<std::string> conflicts{};   // what contradicts what, one sentence each
  std::uint64_t nodes_without_facts = 0;  // `machines` and `ports` know nothing of these

  bool operator==(const TopologyView&) const = default;
};

}  // namespace faultline::api
