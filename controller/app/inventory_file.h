// The operator's inventory: devices and cables, in YAML.
//
//   devices:
//     - name: leaf1
//       kind: switch            # switch router host vm vswitch gateway tunnel zone other
//       tier: leaf              # optional, free text
//       interfaces:
//         - { name: up1, address: 10.0.0.0, peer: spine1/down1 }   # peer: DEVICE or
//         DEVICE/INTERFACE
//
// A cable may be declared from one end or from both, and is implied by two declared interfaces
// whose addresses are /31 mates; several cables between two devices need their interfaces named. A
// device of kind host or vm that bears a node's name is that node.
#pragma once

#include <filesystem>
#include <string_view>

#include "common/base/result.h"
#include "controller/topology/inventory.h"

namespace faultline::app {

// `source` names the text in errors: "inventory.yaml:12: ...". Refuses unknown keys and kinds,
// repeated names and addresses, peers that do not exist or do not point back, and too much of all.
[[nodiscard]] Result<topology::Inventory> parse_inventory(std::string_view yaml,
                                                          std::string_view source);
// Of an empty path: the empty inventory, for a topology from traces alone. Blocks on the disk.
[[nodiscard]] Result<topology::Inventory> load_inventory(const std::filesystem::path& path);

}  // namespace faultline::app
