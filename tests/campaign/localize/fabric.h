// Made-up networks for the localizer's campaign: devices, links, and the way each flow takes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/random.h"

namespace faultline::campaign {

using Hops = std::vector<std::uint32_t>;  // device numbers

struct Fabric {
  struct Link {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    bool host = false;
  };

  std::vector<std::string> devices;
  std::vector<std::uint32_t> hosts;
  std::vector<std::uint32_t> switches;
  std::vector<Link> links;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> link_by_ends;
  // All equally likely ways between two hosts; ECMP takes one of them per flow.
  std::vector<std::vector<std::uint32_t>> up;  // by device: next hops away from the hosts

  std::uint32_t add_device(std::string id, bool host);
  void add_cable(std::uint32_t a, std::uint32_t b, bool host);
  [[nodiscard]] std::string link_id(std::uint32_t link) const;
  [[nodiscard]] std::vector<std::uint32_t> links_of_device(std::uint32_t device) const;
  [[nodiscard]] std::uint32_t link(std::uint32_t from, std::uint32_t to) const;
  [[nodiscard]] std::uint32_t reverse(std::uint32_t link) const;

  // Every way from one host to another.
  [[nodiscard]] std::vector<Hops> ways(std::uint32_t src, std::uint32_t dst) const;
  [[nodiscard]] Hops pick(std::uint32_t src, std::uint32_t dst, Rng& rng) const;

  std::vector<std::uint32_t> edge_of;  // by device: a host's edge switch
};

// k pods of k/2 edge and k/2 aggregation switches, (k/2)^2 cores, `hosts` per edge switch.
[[nodiscard]] Fabric fat_tree(std::uint32_t k, std::uint32_t hosts);
[[nodiscard]] Fabric leaf_spine(std::uint32_t leaves, std::uint32_t spines, std::uint32_t hosts);

}  // namespace faultline::campaign
