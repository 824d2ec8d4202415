// Wiring: what nodes say of the switch ports and hosts that they hang on, beside what is declared.
//
// Why it exists: an inventory is written once and a cable is moved in a minute. LLDP tells the port
// that a NIC is in, facts tell the host that a VM is on; where they and the inventory differ,
// neither is believed silently: both are shown.
//
// A switch goes by its name in LLDP, in the inventory and in traces; "leaf1.example.net" and
// "leaf1" are one if the inventory has only one of them. Thread safety: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/facts/facts.h"
#include "common/model/node.h"
#include "controller/topology/graph.h"

namespace faultline::topology {

// A node as wiring sees it. Lifetimes: borrows its facts.
struct Wired {
  std::string node{};
  NodeKind kind = NodeKind::kHost;
  std::string hypervisor{};              // as its label says; empty: it does not
  const facts::Facts* facts = nullptr;   // null: it sent none
  std::vector<std::string> placed_on{};  // the host of which its facts make it a VM, if any
};

struct SwitchPort {
  std::string node{};
  std::string nic{};
  std::string device{};  // as the topology names it, where it knows it; else as LLDP does
  std::string port{};
  bool known = false;  // a device of the topology
  std::optional<std::uint16_t> vlan{};
  std::optional<std::uint32_t> frame_max{};  // bytes, with Ethernet's header

  bool operator==(const SwitchPort&) const = default;
};

// By node and NIC.
[[nodiscard]] std::vector<SwitchPort> switch_ports(const std::vector<Wired>& nodes,
                                                   const Graph& graph);

// What contradicts what, one sentence each: ports against the inventory's cables and against each
// other, labels and kinds against facts.
[[nodiscard]] std::vector<std::string> wiring_conflicts(const std::vector<Wired>& nodes,
                                                        const std::vector<SwitchPort>& ports,
                                                        const Graph& graph);

}  // namespace faultline::topology
