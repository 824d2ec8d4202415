// An Ansible inventory as the project's own.
//
// Why it exists: most sites have written down their machines once already. Read are Ansible's INI
// and YAML forms (docs.ansible.com, "How to build your inventory"): hosts with their group and host
// variables, ranges such as web[01:20], children of groups. Of the variables these say something:
//
//   ansible_host      the address, where the host's name is none
//   faultline_kind    switch, router, host, vm, ...; else `host`
//   faultline_tier    else the group that lists the host
//
// Nothing is looked up: a host without an address is left out and named. Thread safety: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "controller/topology/inventory.h"

namespace faultline::topology {

inline constexpr std::size_t kAnsibleBytesMax = 16U << 20U;

struct AnsibleInventory {
  Inventory inventory{};               // devices by name
  std::vector<std::string> without{};  // hosts that have no address
};

// `source` names the text in errors.
[[nodiscard]] Result<AnsibleInventory> read_ansible(std::string_view text, std::string_view source);

// As topology.yaml has it.
[[nodiscard]] std::string to_yaml(const Inventory& inventory);

}  // namespace faultline::topology
