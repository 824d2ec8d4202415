// Four hosts, two leaves, two spines, one STAMP session per pair and port; its windows, with what a
// test puts into them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "controller/core/solve.h"
#include "controller/topology/path_book.h"
#include "controller/topology/topology.h"

namespace faultline::core {

using std::chrono::seconds;

inline constexpr Duration kWindow = seconds{10};
inline const WallTime kStart = wall_time_from_unix_seconds(1'790'000'000);
inline constexpr std::uint32_t kPackets = 100;
inline constexpr int kPorts = 8;

inline IpAddress address(std::uint32_t low) { return IpAddress::v4(0x0a090000U + low); }

enum Router : std::uint32_t { kLeafA, kLeafB, kSpine1, kSpine2 };

// Where `router` answers a packet that came from `previous`: its end of their /31.
inline IpAddress ingress(Router router, Router previous) {
  const bool up = router >= kSpine1;
  const std::uint32_t leaf = up ? previous : router;
  const std::uint32_t spine = (up ? router : previous) - kSpine1;
  return address(0x20 + 4 * leaf + 2 * spine + (up ? 1 : 0));
}
inline IpAddress host_port(Router leaf) { return address(2 * leaf + 1); }

inline topology::Device device(Router router, std::string name) {
  topology::Device device{
      .name = std::move(name), .kind = topology::DeviceKind::kSwitch, .tier = {}, .interfaces = {}};
  const auto add = [&](const IpAddress& at) {
    device.interfaces.push_back(
        {.name = {}, .address = at, .peer_device = {}, .peer_interface = {}});
  };
  if (router >= kSpine1) {
    for (const auto leaf : {kLeafA, kLeafB}) add(ingress(router, leaf));
  } else {
    add(host_port(router));
    for (const auto spine : {kSpine1, kSpine2}) add(ingress(router, spine));
  }
  return device;
}

class Fabric {
 public:
  Fabric()
      : topology(std::make_shared<topology::Topology>(
            topology::Inventory{{device(kLeafA, "leafA"), device(kLeafB, "leafB"),
                                 device(kSpine1, "spine1"), device(kSpine2, "spine2")}})),
        paths(std::make_shared<topology::PathBook>()) {
    for (std::uint32_t id = 1; id <= 4; ++id) {
      topology->set_node(NodeId{id}, "h" + std::to_string(id), NodeKind::kHost,
                         address(0x100 + id));
    }
    for_each_session([&](NodeId from, NodeId to, std::uint16_t port) {
      for (const auto direction : {Direction::kForward, Direction::kReturn}) {
        const PathRecord path{.target = to,
                              .source_port = port,
                              .direction = direction,
                              .traced_at = kStart,
                              .complete = true,
                              .hops = hops(from, to, port, direction)};
        paths->update(from, path);
        topology->learn(from, path);
      }
    });
    topology->settle();
  }

  template <typename Visit>
  static void for_each_session(Visit visit) {
    for (std::uint32_t from = 1; from <= 4; ++from) {
      for (std::uint32_t to = 1; to <= 4; ++to) {
        if (from == to) continue;
        for (int port = 0; port < kPorts; ++port) {
          visit(NodeId{from}, NodeId{to}, static_cast<std::uint16_t>(42000 + port));
        }
      }
    }
  }
  static Router leaf_of(NodeId node) { return node.value() <= 2 ? kLeafA : kLeafB; }
  // Forward and return take different spines on half of the ports.
  static Router spine_of(std::uint16_t port, Direction direction) {
    const int bit = direction == Direction::kForward ? port % 2 : port / 2 % 2;
    return bit == 0 ? kSpine1 : kSpine2;
  }
  static std::vector<Hop> hops(NodeId from, NodeId to, std::uint16_t port, Direction direction) {
    const auto first = leaf_of(direction == Direction::kForward ? from : to);
    const auto last = leaf_of(direction == Direction::kForward ? to : from);
    if (first == last) return {{host_port(first)}};
    const auto spine = spine_of(port, direction);
    return {{host_port(first)}, {ingress(spine, first)}, {ingress(last, spine)}};
  }
  // One window; `spoil` puts the losses in.
  template <typename Spoil>
  static std::vector<NodeReport> window(int number, Spoil spoil) {
    std::map<NodeId, Report> reports;
    for_each_session([&](NodeId from, NodeId to, std::uint16_t port) {
      auto& report = reports[from];
      report.window_start = kStart + kWindow * number;
      report.window = kWindow;
      FlowWindow flow;
      flow.target = to;
      flow.source_port = port;
      flow.sent = kPackets;
      spoil(from, flow);
      report.flows.push_back(flow);
    });
    std::vector<NodeReport> result;
    for (auto& [node, report] : reports) {
      result.push_back({node, std::make_shared<const Report>(std::move(report))});
    }
    return result;
  }
  [[nodiscard]] SolveJob job(std::vector<std::vector<NodeReport>> windows) const {
    SolveJob job;
    job.window = kWindow;
    job.ripe.window_start = windows.back().front().report->window_start;
    job.ripe.windows = std::move(windows);
    job.topology = topology;
    job.paths = paths;
    return job;
  }

  std::shared_ptr<topology::Topology> topology;
  std::shared_ptr<topology::PathBook> paths;
};

inline const auto kHealthy = [](NodeId, FlowWindow&) {};

// Everything from and to h3 is lost.
inline const auto kAway = [](NodeId from, FlowWindow& flow) {
  if (from == NodeId{3} || flow.target == NodeId{3}) flow.lost_undetermined = flow.sent;
};

// 3 % on leafA>spine1, told apart by direction as a stateful reflector does.
inline const auto kLossyLink = [](NodeId from, FlowWindow& flow) {
  const bool leaves_a = Fabric::leaf_of(from) == kLeafA && Fabric::leaf_of(flow.target) == kLeafB;
  const bool returns_via_a =
      Fabric::leaf_of(from) == kLeafB && Fabric::leaf_of(flow.target) == kLeafA;
  if (leaves_a && Fabric::spine_of(flow.source_port, Direction::kForward) == kSpine1) {
    flow.lost_forward = 3;
  }
  if (returns_via_a && Fabric::spine_of(flow.source_port, Direction::kReturn) == kSpine1) {
    flow.lost_return = 3;
  }
};

}  // namespace faultline::core
