#include "tests/sim/fabric.h"

namespace faultline::sim {
namespace {

constexpr std::uint32_t kHostNet = 0x0a010000;    // 10.1.0.0, host n is .n
constexpr std::uint32_t kHostPorts = 0x0a020000;  // a leaf answers a host from here
constexpr std::uint32_t kLinks = 0x0a030000;      // /31 per leaf and spine

std::string leaf_name(std::uint32_t leaf) { return "leaf" + std::to_string(leaf + 1); }
std::string spine_name(std::uint32_t spine) { return "spine" + std::to_string(spine + 1); }

topology::Interface interface_at(const IpAddress& address) {
  return {.name = {}, .address = address, .peer_device = {}, .peer_interface = {}};
}

}  // namespace

IpAddress SimFabric::host_address(std::uint32_t host) { return IpAddress::v4(kHostNet + host); }

std::uint32_t SimFabric::host_at(const IpAddress& address) {
  return address.v4_host_order() - kHostNet;
}

IpAddress SimFabric::link_end(std::uint32_t leaf, std::uint32_t spine, bool at_spine) const {
  return IpAddress::v4(kLinks + 2 * (leaf * spines_ + spine) + (at_spine ? 1 : 0));
}

topology::Inventory SimFabric::inventory() const {
  topology::Inventory inventory;
  for (std::uint32_t leaf = 0; leaf < leaves_; ++leaf) {
    topology::Device device{.name = leaf_name(leaf),
                            .kind = topology::DeviceKind::kSwitch,
                            .tier = "leaf",
                            .interfaces = {interface_at(IpAddress::v4(kHostPorts + 2 * leaf))}};
    for (std::uint32_t spine = 0; spine < spines_; ++spine) {
      device.interfaces.push_back(interface_at(link_end(leaf, spine, false)));
    }
    inventory.devices.push_back(std::move(device));
  }
  for (std::uint32_t spine = 0; spine < spines_; ++spine) {
    topology::Device device{.name = spine_name(spine),
                            .kind = topology::DeviceKind::kSwitch,
                            .tier = "spine",
                            .interfaces = {}};
    for (std::uint32_t leaf = 0; leaf < leaves_; ++leaf) {
      device.interfaces.push_back(interface_at(link_end(leaf, spine, true)));
    }
    inventory.devices.push_back(std::move(device));
  }
  return inventory;
}

SimFabric::Way SimFabric::way(std::uint32_t from, std::uint32_t to, std::uint16_t port,
                              Direction direction) const {
  if (direction == Direction::kReturn) std::swap(from, to);
  // ECMP: any fixed mixture of the 5-tuple; the ways there and back are independent.
  const auto salt = salts_.find(leaf_of(from));
  const std::uint64_t mixed = (std::uint64_t{from} << 40 ^ std::uint64_t{to} << 20 ^ port ^
                               (salt == salts_.end() ? 0 : salt->second * 0x2545f4914f6cdd1dULL)) *
                              0x9e3779b97f4a7c15ULL;
  return {leaf_of(from), static_cast<std::uint32_t>((mixed >> 33) % spines_), leaf_of(to)};
}

std::string SimFabric::rack(std::uint32_t host) const { return leaf_name(leaf_of(host)); }

std::vector<Hop> SimFabric::hops(std::uint32_t from, std::uint32_t to, std::uint16_t port,
                                 Direction direction) const {
  const auto way = this->way(from, to, port, direction);
  const Hop entry{IpAddress::v4(kHostPorts + 2 * way.first)};
  if (way.first == way.last) return {entry};
  return {entry, {link_end(way.first, way.spine, true)}, {link_end(way.last, way.spine, false)}};
}

bool SimFabric::crosses_fault(std::uint32_t from, std::uint32_t to, std::uint16_t port,
                              Direction direction) const {
  if (!fault) return false;
  const auto way = this->way(from, to, port, direction);
  const auto receiver = direction == Direction::kForward ? to : from;
  const auto last = leaf_name(way.last) + ">h" + std::to_string(receiver);
  const auto up = leaf_name(way.first) + ">" + spine_name(way.spine);
  const auto down = spine_name(way.spine) + ">" + leaf_name(way.last);
  return fault->id == last || (way.first != way.last && (fault->id == up || fault->id == down));
}

std::uint32_t SimFabric::lost(std::uint32_t from, std::uint32_t to, std::uint16_t port,
                              Direction direction, Load load, Rng& rng) const {
  double loss = background;
  const bool is_hit = fault && load.size >= fault->larger_than &&
                      (fault->dscp_only == 0 || fault->dscp_only == load.dscp);
  if (is_hit && crosses_fault(from, to, port, direction)) loss = 1 - (1 - loss) * (1 - fault->loss);
  if (loss <= 0) return 0;
  std::uint32_t lost = 0;
  for (std::uint32_t i = 0; i < load.packets; ++i) lost += uniform(rng) < loss ? 1 : 0;
  return lost;
}

}  // namespace faultline::sim
