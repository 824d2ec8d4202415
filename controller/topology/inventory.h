// Inventory: the devices and cables that the operator declares.
//
// Why it exists: traces show addresses; an engineer walks to a device. Without an inventory the
// topology still works, with names that are addresses. The file that it comes from is read, and
// all of this checked, in controller/app/inventory_file.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/model/address.h"
#include "controller/topology/ways.h"

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
  std::vector<Way> ways{};

  bool operator==(const Inventory&) const = default;
};

}  // namespace faultline::topology
