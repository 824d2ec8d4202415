#include "controller/app/inventory_file.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/config/document.h"
#include "common/model/node.h"

namespace faultline::app {
namespace {

// Reads devices one by one, then checks the cables, whose ends may be declared later.
class Reader {
 public:
  void read_device(config::Section section) {
    topology::Device device;
    section.required("name").text("name", device.name);
    if (const auto status = validate_name(device.name); !status) {
      section.error("name", status.error().context);
    } else if (!devices_.emplace(device.name, inventory_.devices.size()).second) {
      section.error("name", fmt::format("the device {} is declared twice", device.name));
    }
    read_kind(section, device.kind);
    section.text("tier", device.tier);
    if (device.tier.size() > topology::kTierLengthMax) {
      section.error("tier", fmt::format("is longer than {} bytes", topology::kTierLengthMax));
    }
    for (auto& interface : section.sections("interfaces")) read_interface(interface, device);
    inventory_.devices.push_back(std::move(device));
  }

  void check_cables() {
    for (auto& [section, device, index] : cables_) {
      const auto& interface = inventory_.devices[device].interfaces[index];
      if (const auto problem = cable_problem(inventory_.devices[device], interface);
          !problem.empty()) {
        section.error("peer", problem);
      }
    }
  }

  // After the devices.
  void read_way(config::Section section) {
    topology::Way way;
    for (auto [key, place] : {std::pair{"from", &way.from}, std::pair{"to", &way.to}}) {
      std::string text;
      section.required(key).text(key, text);
      const auto parsed = topology::Place::parse(text);
      if (parsed) *place = *parsed;
      if (!parsed && !text.empty()) section.error(key, "is no address or prefix");
    }
    section.required("via").texts("via", way.via);
    if (way.via.size() > topology::kWayDevicesMax) {
      section.error("via", fmt::format("names more than {} devices", topology::kWayDevicesMax));
    }
    for (const auto& device : way.via) {
      if (!devices_.contains(device)) {
        section.error("via", fmt::format("there is no device {}", device));
      }
    }
    inventory_.ways.push_back(std::move(way));
  }

  [[nodiscard]] std::size_t interface_count() const { return addresses_.size(); }
  [[nodiscard]] topology::Inventory take() { return std::move(inventory_); }

 private:
  struct Cable {
    config::Section section;
    std::size_t device;
    std::size_t interface;
  };

  static void read_kind(config::Section& section, topology::DeviceKind& kind) {
    std::string text{to_string(kind)};
    section.text("kind", text);
    if (const auto parsed = topology::parse_device_kind(text)) {
      kind = *parsed;
      return;
    }
    section.error("kind", fmt::format("\"{}\" is not switch, router, host, vm, vswitch, gateway, "
                                      "tunnel, zone or other",
                                      text.substr(0, 32)));
  }

  void read_interface(config::Section& section, topology::Device& device) {
    topology::Interface interface;
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

  static const topology::Interface* find_interface(const topology::Device& device,
                                                   std::string_view name) {
    const auto found = std::ranges::find(device.interfaces, name, &topology::Interface::name);
    return found == device.interfaces.end() ? nullptr : &*found;
  }

  // Empty when the cable is plausible.
  [[nodiscard]] std::string cable_problem(const topology::Device& device,
                                          const topology::Interface& interface) const {
    const auto found = devices_.find(interface.peer_device);
    if (found == devices_.end()) {
      return fmt::format("there is no device {}", interface.peer_device);
    }
    if (interface.peer_device == device.name) return "a device is not cabled to itself";
    if (interface.peer_interface.empty()) {
      const auto cables = std::ranges::count(device.interfaces, interface.peer_device,
                                             &topology::Interface::peer_device);
      if (cables == 1) return {};
      return fmt::format("name the interface, as in {}/eth0: several cables lead there",
                         interface.peer_device);
    }
    const auto* peer = find_interface(inventory_.devices[found->second], interface.peer_interface);
    if (peer == nullptr) {
      return fmt::format("{} has no interface {}", interface.peer_device, interface.peer_interface);
    }
    const bool elsewhere =
        (!peer->peer_device.empty() && peer->peer_device != device.name) ||
        (!peer->peer_interface.empty() && peer->peer_interface != interface.name);
    if (!elsewhere) return {};
    return fmt::format("{}/{} says that its peer is {}{}{}", interface.peer_device, peer->name,
                       peer->peer_device, peer->peer_interface.empty() ? "" : "/",
                       peer->peer_interface);
  }

  topology::Inventory inventory_;
  std::map<std::string, std::size_t> devices_;
  std::map<IpAddress, std::string> addresses_;
  std::vector<Cable> cables_;
};

Result<topology::Inventory> read(config::Document document) {
  auto root = document.root();
  auto devices = root.sections("devices");
  if (devices.size() > topology::kInventoryDevicesMax) {
    root.error("devices", fmt::format("are more than {}", topology::kInventoryDevicesMax));
  }
  Reader reader;
  for (auto& device : devices) reader.read_device(device);
  if (reader.interface_count() > topology::kInventoryInterfacesMax) {
    root.error("devices",
               fmt::format("have more than {} interfaces", topology::kInventoryInterfacesMax));
  }
  reader.check_cables();
  auto ways = root.sections("ways");
  if (ways.size() > topology::kWaysMax) {
    root.error("ways", fmt::format("are more than {}", topology::kWaysMax));
  }
  for (auto& way : ways) reader.read_way(way);
  FAULTLINE_TRY_STATUS(document.finish());
  return reader.take();
}

}  // namespace

Result<topology::Inventory> parse_inventory(std::string_view yaml, std::string_view source) {
  FAULTLINE_TRY(auto document, config::Document::parse(yaml, std::string(source)));
  return read(std::move(document));
}

Result<topology::Inventory> load_inventory(const std::filesystem::path& path) {
  if (path.empty()) return topology::Inventory{};
  FAULTLINE_TRY(auto document, config::Document::load_file(path));
  return read(std::move(document));
}

}  // namespace faultline::app
