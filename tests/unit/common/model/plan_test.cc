#include "common/model/plan.h"

#include <functional>
#include <unordered_set>

#include "common/model/control.h"
#include "tests/support/catch.h"
#include "tests/support/random_values.h"

namespace faultline {
namespace {

TEST_CASE("a plan's hash depends on every field", "[model][plan]") {
  Plan plan;
  plan.peers = {{.node = NodeId{1}, .name = "a"}, {.node = NodeId{2}, .name = "b"}};
  plan.flows = {{0, 1}, {1, 2}};
  const std::vector<std::function<void(Plan&)>> changes{
      [](Plan&) {},
      [](Plan& p) { p.revision = PlanRevision{7}; },
      [](Plan& p) { p.node = NodeId{7}; },
      [](Plan& p) { p.window *= 2; },
      [](Plan& p) { p.flow_interval *= 2; },
      [](Plan& p) { p.reply_timeout *= 2; },
      [](Plan& p) { p.lease *= 2; },
      [](Plan& p) { ++p.packets_per_second_max; },
      [](Plan& p) { ++p.traces_per_second; },
      [](Plan& p) { p.peers.pop_back(); },
      [](Plan& p) { p.peers[0].node = NodeId{7}; },
      [](Plan& p) { p.peers[0].name = "c"; },
      [](Plan& p) { p.peers[0].address = IpAddress::v4(1); },
      [](Plan& p) { p.peers[0].address = *IpAddress::parse("::"); },
      [](Plan& p) { ++p.peers[0].reflector_port; },
      [](Plan& p) { ++p.peers[0].mesh_port; },
      [](Plan& p) { p.peers[0].key.bytes[31] = 1; },
      [](Plan& p) { std::swap(p.flows[0], p.flows[1]); },
      [](Plan& p) { p.flows.pop_back(); },
  };
  std::unordered_set<std::uint64_t> hashes;
  for (const auto& change : changes) {
    Plan changed = plan;
    change(changed);
    hashes.insert(plan_hash(changed));
  }
  CHECK(hashes.size() == changes.size());
}

TEST_CASE("a plan's hash is the same in every process and version", "[model][plan]") {
  // Both sides compute it for themselves; a change of this value breaks running fleets.
  Plan plan;
  plan.revision = PlanRevision{3};
  plan.node = NodeId{4};
  plan.peers = {{.node = NodeId{5}, .name = "leaf1-host1", .address = IpAddress::v4(0x0a000001)}};
  plan.flows = {{0, 42000}};
  CHECK(plan_hash(plan) == 0x6ea6b88188f4dd8fULL);
}

TEST_CASE("what older probes do not know is no part of a plan's hash", "[model][plan]") {
  Plan plan;
  plan.peers = {{.node = NodeId{5}, .name = "a"}};
  const auto before = plan_hash(plan);
  plan.peers[0].group = 7;
  plan.packets_per_second_per_group_max = 100;
  plan.trace_interval = std::chrono::seconds{20};
  CHECK(plan_hash(plan) == before);
}

TEST_CASE("peers of one rack, or where none is told of one prefix, are one destination",
          "[model][plan]") {
  const auto of = [](const char* address, std::uint16_t group = 0) {
    PlanPeer peer;
    peer.address = *IpAddress::parse(address);
    peer.group = group;
    return destination_group(peer);
  };
  CHECK(of("10.0.1.1") == of("10.0.1.250"));
  CHECK(of("10.0.1.1") != of("10.0.2.1"));
  CHECK(of("2001:db8::1") == of("2001:db8::ffff:1"));
  CHECK(of("2001:db8::1") != of("2001:db8:0:1::1"));
  CHECK(of("10.0.1.1", 4) == of("10.9.9.9", 4));
  CHECK(of("10.0.1.1", 4) != of("10.0.1.1", 5));
}

TEST_CASE("a trace interval replaces the traces per second, except where nothing is traced",
          "[model][plan]") {
  Plan plan;
  plan.traces_per_second = 3;
  CHECK(trace_visits_per_second(plan) == 3);
  CHECK(trace_probes_per_second(plan) == 3);
  plan.trace_interval = std::chrono::seconds{20};
  CHECK(trace_visits_per_second(plan) == Approx(0.05));
  CHECK(trace_probes_per_second(plan) == Approx(0.1));
  plan.traces_per_second = 0;
  CHECK(trace_visits_per_second(plan) == 0);
  CHECK(trace_probes_per_second(plan) == 0);
}

TEST_CASE("refusal reasons have names", "[model][control]") {
  CHECK(to_string(RefusalReason::kTokenSpent) == "token_spent");
  CHECK(to_string(RefusalReason::kOverloaded) == "overloaded");
}

}  // namespace
}  // namespace faultline
