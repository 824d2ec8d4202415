// Fabric: the network that simulated probes say they measure: racks of 20 nodes under a leaf each,
// eight spines, ECMP by a hash of addresses and port; and one link of it that may lose packets.
//
// Nodes are numbered from 0. Thread safety: a value; const members may be called anywhere.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/random.h"
#include "common/model/address.h"
#include "common/model/path.h"
#include "common/model/report.h"

namespace faultline::load {

class Fabric {
 public:
  static constexpr std::uint32_t kRack = 20;
  static constexpr std::uint32_t kSpines = 8;

  // 0 to 1: what the link from the first leaf to the first spine loses.
  explicit Fabric(double link_loss) : link_loss_(link_loss) {}

  [[nodiscard]] static IpAddress address_of(std::uint32_t node);
  [[nodiscard]] static std::string rack_of(std::uint32_t node);
  // Of the session from `from` to `to`, in one direction; its target is left to the caller.
  [[nodiscard]] static PathRecord path(std::uint32_t from, std::uint32_t to, std::uint16_t port,
                                       Direction direction, WallTime traced_at);
  // Takes from the answered packets of the session what the faulty link loses of them.
  void lose(std::uint32_t from, std::uint32_t to, FlowWindow& flow, Rng& rng) const;
  // The address under which the faulty link's far end answers traces.
  [[nodiscard]] static std::string faulty_link();

 private:
  double link_loss_;
};

}  // namespace faultline::load
