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

TEST_CASE("refusal reasons have names", "[model][control]") {
  CHECK(to_string(RefusalReason::kTokenSpent) == "token_spent");
  CHECK(to_string(RefusalReason::kOverloaded) == "overloaded");
}

}  // namespace
}  // namespace faultline
