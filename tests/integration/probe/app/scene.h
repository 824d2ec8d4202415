// Scene: a fake controller and what a probe needs to join it.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "tests/integration/probe/app/fake_controller.h"
#include "tests/integration/probe/app/probe_process.h"

namespace faultline::tests {

// One peer that does not exist: every packet is lost, and windows close all the same.
inline Plan plan_for(NodeId node, std::uint16_t port_base, std::uint64_t revision = 1) {
  Plan plan{.revision = PlanRevision{revision}, .node = node};
  plan.window = std::chrono::seconds{1};
  plan.flow_interval = std::chrono::milliseconds{100};
  plan.reply_timeout = std::chrono::milliseconds{100};
  plan.peers = {{.node = NodeId{99},
                 .name = "nobody",
                 .address = *IpAddress::parse("127.0.0.99"),
                 .reflector_port = 862,
                 .key = crypto::generate_key_pair().public_key}};
  plan.flows = {{0, port_base}, {0, static_cast<std::uint16_t>(port_base + 1)}};
  return plan;
}

inline std::set<std::uint64_t> sequences(const FakeController& controller, BootId boot) {
  std::set<std::uint64_t> result;
  for (const auto& taken : controller.batches) {
    if (taken.batch.boot == boot) result.insert(taken.batch.sequence);
  }
  return result;
}

// 1 to n without a hole.
inline bool is_complete(const std::set<std::uint64_t>& numbers) {
  return !numbers.empty() && *numbers.begin() == 1 && *numbers.rbegin() == numbers.size();
}

struct Scene {
  Scene() {
    start_controller();
    probe_options = {.folder = folder.path(),
                     .token = controller->make_token(NodeId{1}),
                     .port_base = find_ports()};
  }
  // At the same port each time, which is nobody else's meanwhile.
  void start_controller() {
    controller = std::make_unique<FakeController>(controller_key, endpoint);
  }
  // Joined, welcomed and with a plan.
  void settle() {
    REQUIRE(controller->run_until([&] { return !controller->seen<Hello>().empty(); }));
    node_key = controller->nodes().begin()->first;
    plan = plan_for(NodeId{1}, probe_options.port_base);
    controller->plans[node_key] = plan;
    controller->send_plan(node_key);
  }
  [[nodiscard]] bool run_until_batches(std::size_t count) {
    return controller->run_until([&] { return controller->batches.size() >= count; });
  }

  Folder folder;
  const crypto::KeyPair controller_key = crypto::generate_key_pair();
  const std::string endpoint = "tcp://127.0.0.1:" + std::to_string(find_ports());
  std::unique_ptr<FakeController> controller;
  ProbeOptions probe_options;
  PublicKey node_key;
  Plan plan;
};

}  // namespace faultline::tests
