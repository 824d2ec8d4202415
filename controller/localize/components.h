// Components: what can be at fault. Each is a set of directed links that would share one loss rate.
//
// A directed link is itself; a cable is its two directions; a device or host is every link that
// touches it. A hypervisor is every link that touches it or one of its VMs, whether or not a trace
// shows it as a hop; a zone is every link that leaves it, between a member and anything else. With
// one rate per link rather than per crossing, a host (crossed at one link) and a spine (crossed at
// two) need no separate models. Components with the same links are one column with several names:
// an ambiguity group by birth.
//
// Thread safety: immutable once built; the names of a component live as long as the table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "controller/localize/localizer.h"
#include "controller/localize/problem.h"

namespace faultline::localize {

struct ComponentName {
  SuspectKind kind = SuspectKind::kLink;
  std::uint32_t index =
      0;  // LinkIndex of a link, or of a cable's first direction; DeviceIndex of others
};

struct Component {
  std::uint32_t first_link = 0;  // into ComponentTable's links
  std::uint32_t link_count = 0;
  std::span<const ComponentName> names;  // most likely first; never empty
};

class ComponentTable {
 public:
  // Every link that a path of the problem crosses, and the cables and devices over these.
  ComponentTable(const ObservationSet& set, const Problem& problem);
  ComponentTable(const ComponentTable&) = delete;
  ComponentTable& operator=(const ComponentTable&) = delete;

  [[nodiscard]] std::size_t size() const { return components_.size(); }
  [[nodiscard]] const Component& at(std::uint32_t component) const {
    return components_[component];
  }
  [[nodiscard]] std::span<const std::uint32_t> links_of(std::uint32_t component) const {
    const Component& it = components_[component];
    return {links_.data() + it.first_link, it.link_count};
  }
  // Components that hold the link, in order.
  [[nodiscard]] std::span<const std::uint32_t> over_link(std::uint32_t link) const {
    return {over_.data() + over_first_[link], over_first_[link + 1] - over_first_[link]};
  }
  [[nodiscard]] std::uint32_t directed_links() const { return directed_links_; }
  // A link whose loss is a host's own: one end is a host or a VM.
  [[nodiscard]] bool is_host_link(std::uint32_t link) const { return host_link_[link] != 0; }
  [[nodiscard]] bool is_host(DeviceIndex device) const;

  [[nodiscard]] std::string id(const ComponentName& name) const;
  [[nodiscard]] std::string id(std::uint32_t component) const {
    return id(components_[component].names.front());
  }
  [[nodiscard]] SuspectKind kind_of(DeviceIndex device) const;

 private:
  using Twin = std::pair<std::uint32_t, ComponentName>;  // a component, and what it also is

  void add(std::span<const std::uint32_t> links, ComponentName name);
  void add_cables(const Problem& problem);
  void add_devices(const Problem& problem);
  [[nodiscard]] std::vector<std::vector<std::uint32_t>> links_by_device(
      const Problem& problem) const;
  void add_containers(std::vector<std::vector<std::uint32_t>>& touching) const;
  // `twins` in order of components.
  void join_names(const std::vector<Twin>& twins);
  void index_links();

  const ObservationSet& set_;
  std::vector<Component> components_;
  std::vector<ComponentName> names_;  // while built, one per component
  std::vector<std::uint32_t> links_;
  std::vector<std::uint32_t> over_first_;
  std::vector<std::uint32_t> over_;
  std::vector<std::uint8_t> host_link_;
  std::vector<std::uint8_t> passed_through_;  // by device
  std::vector<std::uint8_t> is_hypervisor_;   // by device: a VM runs on it
  std::uint32_t directed_links_ = 0;
};

}  // namespace faultline::localize
