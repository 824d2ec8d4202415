// For the bundle reader only: devices, links and paths of a record, checked and interned. Thread
// safety: that of the set.
#pragma once

#include "controller/localize/bundle_fields.h"
#include "controller/localize/observation_set.h"

namespace faultline::localize {

// Any device but "*", the silent hop.
[[nodiscard]] Result<DeviceIndex> named_device(ObservationSet& set, std::string_view id);
[[nodiscard]] Result<LinkIndex> declared_link(ObservationSet& set, DeviceIndex from, DeviceIndex to,
                                              const ObservationSet::LinkAttributes& attributes);

struct RouteKeys {
  const char* path;
  const char* links;
  const char* paths;
};
inline constexpr RouteKeys kForwardKeys{"path", "links", "paths"};
inline constexpr RouteKeys kBackKeys{"path_back", "links_back", "paths_back"};

// kNoRoute when none of the keys is there.
[[nodiscard]] Result<RouteIndex> route(ObservationSet& set, const BundleJson& object,
                                       const RouteKeys& keys);
// Whether each candidate begins at `from` and ends at `to`.
[[nodiscard]] bool joins(const ObservationSet& set, RouteIndex route, DeviceIndex from,
                         DeviceIndex to);

}  // namespace faultline::localize
