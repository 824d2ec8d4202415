// Inventory: the devices and cables that the operator declares, in YAML.
//
//   devices:
//     - name: leaf1
//       kind: switch            # switch router host vm vswitch gateway tunnel zone other
//       tier: leaf              # optional, free text
//       interfaces:
//         - { name: up1, address: 10.0.0.0, peer: spine1/down1 }   # peer: DEVICE or
//         DEVICE/INTERFACE
//
// A device of kind host or vm that bears a node's name is that node: it lists the node's further
// addresses and where it is plugged in. Cables may be declared from one end or from both, and are
// implied by two declared interfaces whose addresses are /31 mates.
//
// Why it exists: traces show addresses; an engineer walks to a device. Without an inventory the
// topology still works, with names that are addresses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/model/address.h"

namespace faultline::topology {

inline constexpr std::size_t kInventoryDevicesMax = 65'536;
inline constexpr std::size_t kInventoryInterfacesMax = 1'048'576;  // over all devices
inline constexpr std::size_t kTierLengthMax = 63;

// The spelling of each kind is the one of the bundle (schemas/bundle.md).
enum class DeviceKind : std::uint8_t {
  kSwitch,
  kRouter,
  kHost,
  kVm,
  kVswitch,
  kGateway,
  kTunnel,
  kZone,
  kOther,
};
[[nodiscard]] std::string_view to_string(DeviceKind kind);
[[nodiscard]] std::optional<DeviceKind> parse_device_kind(std::string_view text);

struct Interface {
  std::string name{};  // unique in its device; may be empty when nothing names it as a peer
  IpAddress address{};
  std::string peer_device{};     // empty: not declared
  std::string peer_interface{};  // empty: not declared

  bool operator==(const Interface&) const = default;
};

struct Device {
  std::string name{};
  DeviceKind kind = DeviceKind::kSwitch;
  std::string tier{};
  std::vector<Interface> interfaces{};

  bool operator==(const Device&) const = default;
};

struct Inventory {
  std::vector<Device> devices{};

  bool operator==(const Inventory&) const = default;
};

// `source` names the text in errors: "inventory.yaml:12: ...". Refuses (kInvalid, kLimit) unknown
// keys and kinds, repeated names and addresses, and peers that do not exist or do not point back.
[[nodiscard]] Result<Inventory> parse_inventory(std::string_view yaml, std::string_view source);

}  // namespace faultline::topology
