#include "controller/core/places.h"

namespace faultline::core {

const Place& Places::of(NodeId node) {
  static const Place kNowhere;
  if (!is_read_) {
    for (const auto& device : topology_.devices()) {
      by_name_[device.id] = {.is_vm = device.kind == topology::DeviceKind::kVm,
                             .zone = device.placement.zone,
                             .rack = device.placement.rack};
    }
    is_read_ = true;
  }
  const auto at = by_name_.find(topology_.node_name(node));
  return at == by_name_.end() ? kNowhere : at->second;
}

}  // namespace faultline::core
