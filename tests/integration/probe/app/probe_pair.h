// Two probes that measure each other, and the controller that gave them their plans.
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <string>

#include "tests/integration/probe/app/fake_controller.h"
#include "tests/integration/probe/app/probe_process.h"

namespace faultline::tests {

struct ProbeNode {
  NodeId id;
  std::string address;
  Folder folder;
  std::uint16_t port_base = find_ports();
  std::unique_ptr<ProbeProcess> process;
  PublicKey key;

  [[nodiscard]] PlanPeer as_peer() const {
    return {.node = id,
            .name = "n" + std::to_string(id.value()),
            .address = *IpAddress::parse(address),
            .reflector_port = static_cast<std::uint16_t>(port_base + 2),
            .mesh_port = static_cast<std::uint16_t>(port_base + 3),
            .key = key};
  }
};

inline Plan plan_between(const ProbeNode& node, const ProbeNode& peer) {
  Plan plan{.revision = PlanRevision{1}, .node = node.id};
  plan.window = std::chrono::seconds{1};
  plan.flow_interval = std::chrono::milliseconds{50};
  plan.reply_timeout = std::chrono::milliseconds{500};
  plan.traces_per_second = 20;
  plan.peers = {peer.as_peer()};
  plan.flows = {{0, node.port_base}, {0, static_cast<std::uint16_t>(node.port_base + 1)}};
  return plan;
}

struct ProbePair {
  ProbePair() {
    for (auto* node : {&a, &b}) {
      node->process =
          std::make_unique<ProbeProcess>(ProbeOptions{.folder = node->folder.path(),
                                                      .address = node->address,
                                                      .token = controller.make_token(node->id),
                                                      .port_base = node->port_base});
    }
    REQUIRE(controller.run_until([&] {
      const auto greeters = controller.greeters();
      return std::set(greeters.begin(), greeters.end()).size() == 2;
    }));
    for (const auto& [key, id] : controller.nodes()) (id == a.id ? a : b).key = key;
    controller.plans[a.key] = plan_between(a, b);
    controller.plans[b.key] = plan_between(b, a);
    controller.send_plan(a.key);
    controller.send_plan(b.key);
  }

  FakeController controller{crypto::generate_key_pair()};
  ProbeNode a{.id = NodeId{1}, .address = "127.0.0.1", .folder = {}, .process = {}, .key = {}};
  ProbeNode b{.id = NodeId{2}, .address = "127.0.0.2", .folder = {}, .process = {}, .key = {}};
};

}  // namespace faultline::tests
