// FlowTable: an ObservationSet as the published localizers see it: flows with two counts and the
// components on each path they may have taken.
//
// Components are numbered: directed links first, by LinkIndex, then devices.
//
// Thread safety: const once made. The ObservationSet must outlive it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "controller/localize/observation_set.h"

namespace faultline::campaign {

struct Slice {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

struct FlowTable {
  struct Path {
    Slice links;    // into `components`
    Slice devices;  // the devices between these links, hosts included
  };
  struct Flow {
    Slice paths;
    double sent = 0;
    double lost = 0;
  };

  explicit FlowTable(const localize::ObservationSet& set);

  [[nodiscard]] std::uint32_t component_count() const { return link_count + device_count; }
  [[nodiscard]] bool is_device(std::uint32_t component) const { return component >= link_count; }
  [[nodiscard]] std::string id(std::uint32_t component) const;
  [[nodiscard]] std::span<const std::uint32_t> at(Slice slice) const {
    return {components.data() + slice.first, slice.count};
  }
  // Links and devices.
  [[nodiscard]] std::span<const std::uint32_t> all_of(const Path& path) const {
    return {components.data() + path.links.first, path.links.count + path.devices.count};
  }
  [[nodiscard]] std::span<const Path> paths_of(const Flow& flow) const {
    return {paths.data() + flow.paths.first, flow.paths.count};
  }

  const localize::ObservationSet& set;
  std::uint32_t link_count = 0;
  std::uint32_t device_count = 0;
  std::vector<std::uint32_t> components;  // of all paths, each path's links before its devices
  std::vector<Path> paths;                // of all flows
  std::vector<Flow> flows;
};

}  // namespace faultline::campaign
