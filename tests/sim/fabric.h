// SimFabric: a leaf-spine network as a function: which hops a flow crosses, and what is lost there.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/model/path.h"
#include "controller/topology/inventory.h"

namespace faultline::sim {

// A directed link that loses a share of what crosses it.
struct LossyLink {
  std::string id;  // "leaf1>spine2", or "leaf1>h5" for the last one to a host
  double loss = 0;
  std::uint32_t larger_than = 0;  // bytes: smaller packets pass
  std::uint8_t dscp_only = 0;     // not 0: other classes pass
};

class SimFabric {
 public:
  SimFabric(std::uint32_t leaves, std::uint32_t spines) : leaves_(leaves), spines_(spines) {}

  // Hosts are numbered from 1 and dealt out to the leaves in turn.
  [[nodiscard]] static IpAddress host_address(std::uint32_t host);
  [[nodiscard]] static std::uint32_t host_at(const IpAddress& address);
  [[nodiscard]] topology::Inventory inventory() const;
  // Routers in order of travel, as a trace sees them.
  [[nodiscard]] std::vector<Hop> hops(std::uint32_t from, std::uint32_t to, std::uint16_t port,
                                      Direction direction) const;
  // How many of `packets`, all alike, the fault and the background take on that way.
  struct Load {
    std::uint32_t packets = 0;
    std::uint32_t size = 0;
    std::uint8_t dscp = 0;
  };
  [[nodiscard]] std::uint32_t lost(std::uint32_t from, std::uint32_t to, std::uint16_t port,
                                   Direction direction, Load load, Rng& rng) const;

  [[nodiscard]] std::string rack(std::uint32_t host) const;  // its leaf's name
  // The leaf hashes 5-tuples in another way from now on, as after a new version of its software.
  void rehash(std::uint32_t leaf, std::uint64_t salt) { salts_[leaf] = salt; }

  std::optional<LossyLink> fault;
  double background = 0;  // share of packets that is lost on any way

 private:
  [[nodiscard]] bool crosses_fault(std::uint32_t from, std::uint32_t to, std::uint16_t port,
                                   Direction direction) const;
  struct Way {
    std::uint32_t first = 0, spine = 0, last = 0;  // leaves and spine; first == last: no spine
  };
  [[nodiscard]] Way way(std::uint32_t from, std::uint32_t to, std::uint16_t port,
                        Direction direction) const;
  [[nodiscard]] std::uint32_t leaf_of(std::uint32_t host) const { return (host - 1) % leaves_; }
  [[nodiscard]] IpAddress link_end(std::uint32_t leaf, std::uint32_t spine, bool at_spine) const;

  std::uint32_t leaves_;
  std::uint32_t spines_;
  std::map<std::uint32_t, std::uint64_t> salts_;  // by leaf
};

}  // namespace faultline::sim
