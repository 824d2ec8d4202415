// Made-up networks for the localizer's campaign: devices, links, and the ways a flow may take.
//
// Flows take shortest paths; where several next hops are equally near, a hash of the 5-tuple picks
// one at each device, as ECMP does. Hosts never forward.
//
// Thread safety: const members from any thread once route() was called.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "controller/localize/observation_set.h"

namespace faultline::campaign {

using Way = std::vector<std::uint32_t>;  // link numbers, in order

struct Fabric {
  struct Link {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    bool host = false;
  };

  std::vector<std::string> devices;
  std::vector<localize::DeviceKind> kinds;  // by device
  std::vector<std::uint32_t> hosts;         // that send probes
  std::vector<std::uint32_t> switches;      // everything else
  std::vector<Link> links;                  // 2i and 2i + 1 are the directions of one cable

  std::uint32_t add_device(std::string id, localize::DeviceKind kind);
  // The cost counts for shortest paths only.
  void add_cable(std::uint32_t a, std::uint32_t b, std::uint32_t cost = 1);
  // Finds the shortest paths; after the last cable, before any flow.
  void route();

  [[nodiscard]] bool is_host(std::uint32_t device) const;
  [[nodiscard]] std::string link_id(std::uint32_t link) const;
  [[nodiscard]] std::vector<std::uint32_t> links_of_device(std::uint32_t device) const;
  [[nodiscard]] static std::uint32_t reverse(std::uint32_t link) { return link ^ 1U; }

  // Every shortest way from one host to another.
  [[nodiscard]] std::vector<Way> ways(std::uint32_t src, std::uint32_t dst) const;
  // The one that a flow with this hash takes; empty when there is none.
  [[nodiscard]] Way way(std::uint32_t src, std::uint32_t dst, std::uint64_t flow_hash) const;

 private:
  [[nodiscard]] std::vector<std::uint32_t> next_links(std::uint32_t at, std::uint32_t dst) const;
  void extend(Way& so_far, std::uint32_t at, std::uint32_t dst, std::vector<Way>& result) const;

  std::vector<std::vector<std::uint32_t>> links_out_;  // by device
  std::vector<std::uint32_t> costs_;                   // by link
  // By device a host is attached to: distance from every device.
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> distance_;
};

// Mixes what identifies a draw into 64 even bits, so that it does not depend on the order of draws.
[[nodiscard]] std::uint64_t mixed(std::uint64_t a, std::uint64_t b, std::uint64_t c = 0);

}  // namespace faultline::campaign
