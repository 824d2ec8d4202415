#include "tests/load/fabric.h"

#include <algorithm>
#include <vector>

namespace faultline::load {
namespace {

std::uint32_t rack_number(std::uint32_t node) { return node / Fabric::kRack; }

std::uint32_t spine_of(std::uint32_t from, std::uint32_t to, std::uint16_t port) {
  const auto mixed =
      (std::uint64_t{from} << 40 ^ std::uint64_t{to} << 20 ^ port) * 0x9e3779b97f4a7c15ULL;
  return static_cast<std::uint32_t>((mixed >> 33) % Fabric::kSpines);
}

IpAddress leaf(std::uint32_t rack) { return IpAddress::v4(0x0b000000U + rack); }

// The interface of a link between leaf and spine: at the leaf (0), at the spine (1).
IpAddress interface_of(std::uint32_t rack, std::uint32_t spine, std::uint32_t side) {
  return IpAddress::v4(0x0c000000U + 2 * (rack * Fabric::kSpines + spine) + side);
}

// Packets from `from` to `to` cross it.
bool crosses_faulty_link(std::uint32_t from, std::uint32_t to, std::uint16_t port) {
  return rack_number(from) == 0 && rack_number(to) != 0 && spine_of(from, to, port) == 0;
}

}  // namespace

IpAddress Fabric::address_of(std::uint32_t node) { return IpAddress::v4(0x0a000001U + node); }

std::string Fabric::rack_of(std::uint32_t node) {
  return "rack" + std::to_string(rack_number(node));
}

std::string Fabric::faulty_link() { return interface_of(0, 0, 1).to_string(); }

PathRecord Fabric::path(std::uint32_t from, std::uint32_t to, std::uint16_t port,
                        Direction direction, WallTime traced_at) {
  PathRecord path{
      .source_port = port, .direction = direction, .traced_at = traced_at, .complete = true};
  if (direction == Direction::kReturn) std::swap(from, to);
  path.hops.push_back({leaf(rack_number(from))});
  if (rack_number(from) == rack_number(to)) return path;
  const auto spine = spine_of(from, to, port);
  path.hops.push_back({interface_of(rack_number(from), spine, 1)});
  path.hops.push_back({interface_of(rack_number(to), spine, 0)});
  return path;
}

void Fabric::lose(std::uint32_t from, std::uint32_t to, FlowWindow& flow, Rng& rng) const {
  if (link_loss_ <= 0) return;
  const bool forward = crosses_faulty_link(from, to, flow.source_port);
  const bool back = crosses_faulty_link(to, from, flow.source_port);
  if (!forward && !back) return;
  for (std::uint32_t packets = flow.answered(); packets > 0; --packets) {
    if (uniform(rng) < link_loss_) ++(forward ? flow.lost_forward : flow.lost_return);
  }
  if (flow.answered() == 0) flow.rtt_min_ns = flow.rtt_mean_ns = flow.rtt_max_ns = 0;
}

}  // namespace faultline::load
