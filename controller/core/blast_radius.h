// What stands around a suspect: the labels of its place, what it hangs on, and what suffers with
// it.
//
// Why it exists: "rack r17 is being moved", "the switch is dead, so its hosts are" and "racks r3
// and r4 lose packets" need the fleet's labels and the topology beside the verdict.
//
//   labels      of nodes at its ends: theirs; of a switch: those that all nodes beside it share, so
//               that a rack's switch is in the rack and a spine in none. Also of what the suspect
//               cannot be told from.
//               Of a finding: those of its nodes.
//   depends_on  of a node with one neighbor: that; of a VM: its hypervisor and what that hangs on
//   affected    VMs, racks and zones of the nodes whose flows suffer
//
// Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/core/inquiries.h"
#include "controller/fleet/fleet.h"
#include "controller/incident/machine.h"
#include "controller/topology/topology.h"

namespace faultline::core {

class Surroundings {
 public:
  using Attachments = std::vector<std::pair<std::string, std::string>>;

  // `topology` is settled; `attachments` are Solution's, for cables of nodes that nobody declared.
  // `fleet` must outlive it.
  Surroundings(const fleet::Fleet& fleet, const topology::Topology& topology,
               const Attachments& attachments);

  void describe(incident::Suspect& suspect) const;

 private:
  void add_labels(const std::string& device, incident::Suspect& suspect) const;
  void add_dependencies(const std::string& node, incident::Suspect& suspect) const;
  void add_affected(incident::Suspect& suspect) const;

  const fleet::Fleet& fleet_;
  std::map<std::string, std::set<std::string>> neighbors_;  // by device or node
};

// The nodes that the suspect is, leads to or from, or cannot be told from.
[[nodiscard]] std::vector<const fleet::Node*> nodes_at(const fleet::Fleet& fleet,
                                                       const incident::Suspect& suspect);

// Where all is lost at a node, its words say what others see of it, and whether it is silent.
void tell_reachability(const fleet::Fleet& fleet, const Inquiries& inquiries,
                       incident::Suspect& suspect);

// The nodes of the window that are off because somebody wants it.
void name_absent(const fleet::Fleet& fleet, incident::JudgedWindow& window);

}  // namespace faultline::core
