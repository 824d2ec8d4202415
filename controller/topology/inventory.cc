#include "controller/topology/inventory.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/config/document.h"
#include "common/model/node.h"

namespace faultline::topology {
namespace {

constexpr std::array<std::pair<std::string_view, DeviceKind>, 9> kKinds{{
    {"switch", DeviceKind::kSwitch},
    {"router", DeviceKind::kRouter},
    {"host", DeviceKind::kHost},
    {"vm", DeviceKind::kVm},
    {"vswitch", DeviceKind::kVswitch},
    {"gateway", DeviceKind::kGateway},
    {"tunnel", DeviceKind::kTunnel},
    {"zone", DeviceKind::kZone},
    {"other", DeviceKind::kOther},
}};

// Reads devices one by one, then checks the cables, whose ends may be declared later.
class Reader {
 public:
  void read_device(config::Section section) {
    Device device;
    section.required("name").text("name", device.name);
    if (const auto status = validate_name(device.name); !status) {
      section.error("name", status.error().context);
    } else if (!devices_.emplace(device.name, inventory_.devices.size()).second) {
      section.error("name", fmt::format("the device {} is declared twice", device.name));
    }
    read_kind(section, device.kind);
    section.text("tier", device.tier);
    if (device.tier.size() > kTierLengthMax) {
      section.error("tier", fmt::format("is longer than {} bytes", kTierLengthMax));
    }
    for (auto& interface : section.sections("interfaces")) read_interface(interface, device);
    inventory_.devices.push_back(std::move(device));
  }

  void check_cables() {
    for (auto& [section, device, index] : cables_) {
      const auto& interface = inventory_.devices[device].interfaces[index];
      if (const auto problem = cable_problem(inventory_.devices[device].name, interface);
          !problem.empty()) {
        section.error("peer", problem);
      }
    }
  }

  [[nodiscard]] std::size_t interface_count() const { return addresses_.size(); }
  [[nodiscard]] Inventory take() { return std::move(inventory_); }

 private:
  struct Cable {
    config::Section section;
    std::size_t device;
    std::size_t interface;
  };

  static void read_kind(config::Section& section, DeviceKind& kind) {
    std::string text{to_string(kind)};
    section.text("kind", text);
    if (const auto parsed = parse_device_kind(text)) {
      kind = *parsed;
      return;
    }
    section.error("kind", fmt::format("\"{}\" is not switch, router, host, vm, vswitch, gateway, "
                                      "tunnel, zone or other",
                                      text.substr(0, 32)));
  }

  void read_interface(config::Section& section, Device& device) {
    Interface interface;
    section.text("name", interface.name);
    if (!interface.name.empty()) {
      if (const auto status = validate_name(interface.name); !status) {
        section.error("name", status.error().context);
      } else if (find_interface(device, interface.name) != nullptr) {
        section.error("name",
                      fmt::format("{} has two interfaces named {}", device.name, interface.name));
      }
    }
    std::string address;
    section.required("address").text("address", address);
    if (const auto parsed = IpAddress::parse(address); !parsed || parsed->is_unspecified()) {
      if (!address.empty()) section.error("address", "is not an IP address");
    } else if (!addresses_.emplace(*parsed, device.name).second) {
      section.error("address", fmt::format("{} belongs to {} already", parsed->to_string(),
                                           addresses_.at(*parsed)));
    } else {
      interface.address = *parsed;
    }
    std::string peer;
    section.text("peer", peer);
    const auto slash = peer.find('/');
    interface.peer_device = peer.substr(0, slash);
    if (slash != std::string::npos) interface.peer_interface = peer.substr(slash + 1);
    if (!peer.empty()) {
      cables_.push_back({section, inventory_.devices.size(), device.interfaces.size()});
    }
    device.interfaces.push_back(std::move(interface));
  }

  static const Interface* find_interface(const Device& device, std::string_view name) {
    const auto found = std::ranges::find(device.interfaces, name, &Interface::name);
    return found == device.interfaces.end() ? nullptr : &*found;
  }

  // Empty when the cable is plausible.
  [[nodiscard]] std::string cable_problem(const std::string& device,
                                          const Interface& interface) const {
    const auto found = devices_.find(interface.peer_device);
    if (found == devices_.end()) {
      return fmt::format("there is no device {}", interface.peer_device);
    }
    if (interface.peer_device == device) return "a device is not cabled to itself";
    if (interface.peer_interface.empty()) return {};
    const auto* peer = find_interface(inventory_.devices[found->second], interface.peer_interface);
    if (peer == nullptr) {
      return fmt::format("{} has no interface {}", interface.peer_device, interface.peer_interface);
    }
    const bool elsewhere =
        (!peer->peer_device.empty() && peer->peer_device != device) ||
        (!peer->peer_interface.empty() && peer->peer_interface != interface.name);
    if (!elsewhere) return {};
    return fmt::format("{}/{} says that its peer is {}{}{}", interface.peer_device, peer->name,
                       peer->peer_device, peer->peer_interface.empty() ? "" : "/",
                       peer->peer_interface);
  }

  Inventory inventory_;
  std::map<std::string, std::size_t> devices_;
  std::map<IpAddress, std::string> addresses_;
  std::vector<Cable> cables_;
};

}  // namespace

std::string_view to_string(DeviceKind kind) {
  return std::ranges::find(kKinds, kind, [](const auto& entry) { return entry.second; })->first;
}

std::optional<DeviceKind> parse_device_kind(std::string_view text) {
  const auto found = std::ranges::find(kKinds, text, [](const auto& entry) { return entry.first; });
  if (found == kKinds.end()) return std::nullopt;
  return found->second;
}

Result<Inventory> parse_inventory(std::string_view yaml, std::string_view source) {
  FAULTLINE_TRY(auto document, config::Document::parse(yaml, std::string(source)));
  auto root = document.root();
  Reader reader;
  auto devices = root.sections("devices");
  if (devices.size() > kInventoryDevicesMax) {
    return fail(ErrorCode::kLimit,
                fmt::format("{}: more than {} devices", source, kInventoryDevicesMax));
  }
  for (auto& device : devices) reader.read_device(device);
  if (reader.interface_count() > kInventoryInterfacesMax) {
    return fail(ErrorCode::kLimit,
                fmt::format("{}: more than {} interfaces", source, kInventoryInterfacesMax));
  }
  reader.check_cables();
  FAULTLINE_TRY_STATUS(document.finish());
  return reader.take();
}

}  // namespace faultline::topology
