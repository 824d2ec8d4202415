// Two probes that measure each other: what one needs the other's help for.
#include <signal.h>

#include <set>
#include <tuple>

#include "tests/integration/probe/app/fake_controller.h"
#include "tests/integration/probe/app/probe_process.h"

namespace faultline::tests {
namespace {

struct Node {
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

Plan plan_between(const Node& node, const Node& peer) {
  Plan plan{.revision = PlanRevision{1}, .node = node.id};
  plan.window = std::chrono::seconds{1};
  plan.flow_interval = std::chrono::milliseconds{50};
  plan.reply_timeout = std::chrono::milliseconds{500};
  plan.traces_per_second = 20;
  plan.peers = {peer.as_peer()};
  plan.flows = {{0, node.port_base}, {0, static_cast<std::uint16_t>(node.port_base + 1)}};
  return plan;
}

// Two probes that measure each other.
struct Pair {
  Pair() {
    for (auto* node : {&a, &b}) {
      node->process =
          std::make_unique<ProbeProcess>(ProbeOptions{.folder = node->folder.path(),
                                                      .address = node->address,
                                                      .token = controller.make_token(node->id),
                                                      .port_base = node->port_base});
    }
    REQUIRE(controller.run_until([&] { return controller.seen<Hello>().size() == 2; }));
    for (const auto& [key, id] : controller.nodes()) (id == a.id ? a : b).key = key;
    controller.plans[a.key] = plan_between(a, b);
    controller.plans[b.key] = plan_between(b, a);
    controller.send_plan(a.key);
    controller.send_plan(b.key);
  }

  // Every flow of both is traced in both directions, and answered, from now on.
  [[nodiscard]] bool trace_all() {
    // Per reporting node, source port and direction.
    std::set<std::tuple<PublicKey, std::uint16_t, Direction>> traced;
    std::set<PublicKey> answered;
    controller.batches.clear();
    return controller.run_until([&] {
      for (const auto& taken : std::exchange(controller.batches, {})) {
        if (taken.from != a.key && taken.from != b.key) continue;
        for (const auto& path : taken.report.paths) {
          // Loopback has no routers: the far end answers the first packet.
          if (path.complete && path.hops.empty()) {
            traced.emplace(taken.from, path.source_port, path.direction);
          }
        }
        for (const auto& flow : taken.report.flows) {
          if (flow.answered() > 0) answered.insert(taken.from);
        }
      }
      return traced.size() == 8 && answered.size() == 2;
    });
  }

  FakeController controller{crypto::generate_key_pair()};
  Node a{.id = NodeId{1}, .address = "127.0.0.1", .folder = {}, .process = {}, .key = {}};
  Node b{.id = NodeId{2}, .address = "127.0.0.2", .folder = {}, .process = {}, .key = {}};
};

TEST_CASE("two probes measure each other and trace each flow in both directions",
          "[probe][mesh][integration]") {
  Pair pair;
  CHECK(pair.trace_all());
  CHECK(pair.a.process->end(SIGTERM).status == 0);
  CHECK(pair.b.process->end(SIGTERM).status == 0);
}

TEST_CASE("traces go on in both directions when a probe changes its key",
          "[probe][mesh][keys][integration]") {
  Pair pair;
  auto& controller = pair.controller;
  REQUIRE(pair.trace_all());

  // The peer hears of the new key after it is used: late, which a controller avoids.
  controller.say(pair.a.key, RekeyRequest{});
  REQUIRE(controller.run_until([&] { return controller.seen<Hello>().size() == 3; }));
  auto plan = controller.plans.at(pair.b.key);
  plan.revision = PlanRevision{2};
  plan.peers[0].second_key = controller.last_greeter();
  controller.plans[pair.b.key] = plan;
  controller.send_plan(pair.b.key);
  pair.a.key = *plan.peers[0].second_key;
  CHECK(pair.trace_all());

  plan.revision = PlanRevision{3};
  plan.peers[0].key = pair.a.key;
  plan.peers[0].second_key.reset();
  controller.plans[pair.b.key] = plan;
  controller.send_plan(pair.b.key);
  CHECK(pair.trace_all());
  CHECK(pair.a.process->end(SIGTERM).status == 0);
  CHECK(pair.b.process->end(SIGTERM).status == 0);
}

}  // namespace
}  // namespace faultline::tests
