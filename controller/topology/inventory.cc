#include "controller/topology/inventory.h"

#include <algorithm>
#include <array>
#include <utility>

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

}  // namespace

std::string_view to_string(DeviceKind kind) {
  return std::ranges::find(kKinds, kind, [](const auto& entry) { return entry.second; })->first;
}

std::optional<DeviceKind> parse_device_kind(std::string_view text) {
  const auto found = std::ranges::find(kKinds, text, [](const auto& entry) { return entry.first; });
  if (found == kKinds.end()) return std::nullopt;
  return found->second;
}

}  // namespace faultline::topology
