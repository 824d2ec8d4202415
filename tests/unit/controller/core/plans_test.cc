// When a fleet that cannot afford all pairs thinks of its plans, and what comes of it.
#include "tests/unit/controller/core/bench.h"

namespace faultline::core {
namespace {

using std::chrono::minutes;

CoreOptions few_flows() {
  CoreOptions options;
  options.check = {.every = seconds{50}, .codes = {"overlapping_subnets"}, .severities = {}};
  options.planner.tracked_flows_per_node_max = 4;
  return options;
}

// Six nodes, each of which may track four of the five others.
struct Fleet : Bench {
  Fleet() : Bench(few_flows()) {
    for (std::uint8_t number = 1; number <= 6; ++number) enroll(number);
    pass(seconds{2});
    finish_commits();
  }
  PlanningJob take_job() {
    REQUIRE(effects.plannings.size() == 1);
    auto job = std::move(effects.plannings.front());
    effects.plannings.pop_front();
    return job;
  }
  // A flow that is not planned yet.
  [[nodiscard]] plan::PairPort other_flow() const {
    const auto& plan = core.plans().plans.front();
    for (std::uint32_t id = 1; id <= 6; ++id) {
      const bool planned = std::ranges::any_of(plan.flows, [&](const PlanFlow& flow) {
        return plan.peers[flow.peer].node == NodeId{id};
      });
      if (NodeId{id} != plan.node && !planned) return {plan.node, NodeId{id}, 42003};
    }
    FAIL("every pair is planned");
    return {};
  }
};

TEST_CASE("planning begins a minute after the fleet changed, one job at a time", "[core]") {
  Fleet fleet;
  REQUIRE_FALSE(fleet.core.plans().all_pairs);
  fleet.pass(seconds{30});
  CHECK(fleet.effects.plannings.empty());
  fleet.pass(seconds{40});
  const auto job = fleet.take_job();
  CHECK(job.plans == fleet.core.shared_plans());
  CHECK_FALSE(job.explore_anyway);  // paths have time to be traced
  fleet.pass(minutes{10});
  CHECK(fleet.effects.plannings.empty());
}

// The shell's queue must have room for both: a job that it refused would be waited for for ever.
TEST_CASE("a planning job and a check of facts may be asked for in one step", "[core]") {
  Fleet fleet;
  REQUIRE(fleet.effects.checks.size() == 1);
  fleet.effects.checks.clear();
  fleet.step(CheckDone{});
  fleet.pass(seconds{70});
  CHECK(fleet.effects.plannings.size() + fleet.effects.checks.size() == kPlannerJobsMax);
  fleet.pass(minutes{10});  // neither is asked for again before it has ended
  CHECK(fleet.effects.plannings.size() + fleet.effects.checks.size() == kPlannerJobsMax);
}

TEST_CASE("after a job that found nothing new there is none until something is", "[core]") {
  Fleet fleet;
  fleet.pass(seconds{70});
  static_cast<void>(fleet.take_job());
  PlanningResult nothing_new;
  nothing_new.numbers.explored = true;
  fleet.step(PlanningDone{std::move(nothing_new)});
  fleet.pass(minutes{30});
  CHECK(fleet.effects.plannings.empty());
  CHECK(fleet.core.counters().plannings == 1);
}

TEST_CASE("flows that planning wants are planned at once, and thought of again a minute later",
          "[core]") {
  Fleet fleet;
  fleet.pass(seconds{70});
  static_cast<void>(fleet.take_job());
  const auto revision = fleet.core.plan_revision();
  const auto flow = fleet.other_flow();
  fleet.step(PlanningDone{{.memory = {.tried = {{flow, fleet.now.wall}}}, .numbers = {}}});
  fleet.pass(seconds{1});
  CHECK(fleet.core.plan_revision().value() == revision.value() + 1);
  CHECK(fleet.core.plans().extra == std::vector{flow});
  CHECK(fleet.core.plans().changed.size() <= 2);
  const auto& written = fleet.effects.commits.back().writes.back();
  CHECK(written.document == Document::kPlan);
  CHECK(written.value->find("\"extra_flows\":[[") != std::string::npos);
  CHECK(fleet.effects.plannings.empty());
  fleet.pass(seconds{60});
  const auto job = fleet.take_job();
  CHECK(job.memory.tried.contains(flow));
  CHECK(job.plans->extra == std::vector{flow});
}

TEST_CASE("all pairs are planned for the fullest link, which a restart remembers", "[core]") {
  CoreOptions options;
  options.planner.packets_per_second_per_link_max = 100;
  Bench bench(options);
  for (std::uint8_t number = 1; number <= 3; ++number) bench.enroll(number);
  bench.pass(seconds{2});
  bench.finish_commits();
  REQUIRE(bench.core.plans().all_pairs);
  CHECK(bench.core.plans().flow_interval == seconds{1});
  bench.pass(seconds{70});
  REQUIRE(bench.effects.plannings.size() == 1);
  CHECK(bench.effects.plannings.front().link_packets_per_second_max == 100);
  bench.effects.plannings.pop_front();
  bench.step(PlanningDone{{.memory = {.fullest_link_flows = 240}, .numbers = {}}});
  bench.pass(seconds{1});
  CHECK(bench.core.plans().flow_interval > seconds{2});
  CHECK(bench.core.plans().changed.size() == 3);
  const auto document = *bench.effects.commits.back().writes.back().value;
  CHECK(document.find("\"fullest_link_flows\":240") != std::string::npos);
  bench.finish_commits();
  const auto revision = bench.core.plan_revision();
  bench.step(PlanningDone{{.memory = {.fullest_link_flows = 243}, .numbers = {}}});
  bench.pass(seconds{1});
  CHECK(bench.core.plan_revision() == revision);  // a few flows more change no plan
}

TEST_CASE("how many nodes trace across a router sets how often they do, and outlives a restart",
          "[core]") {
  CoreOptions options;
  options.planner.router_packets_per_second_max = 2;
  Bench bench(options);
  for (std::uint8_t number = 1; number <= 3; ++number) bench.enroll(number);
  bench.pass(seconds{2});
  bench.finish_commits();
  const auto intervals = [&] {
    std::vector<Duration> result;
    for (const auto& plan : bench.core.plans().plans) result.push_back(plan.trace_interval);
    return result;
  };
  CHECK(intervals() == std::vector<Duration>(3, seconds{3}));  // nothing is known
  bench.pass(seconds{70});
  REQUIRE(bench.effects.plannings.size() == 1);
  bench.effects.plannings.pop_front();
  PlanningMemory memory;
  for (const auto& plan : bench.core.plans().plans) memory.tracers.emplace(plan.node, 2);
  memory.tracers.begin()->second = 4;
  bench.step(PlanningDone{{.memory = std::move(memory), .numbers = {}}});
  bench.pass(seconds{1});
  CHECK(intervals() == std::vector<Duration>{seconds{4}, {}, {}});
  const auto document = *bench.effects.commits.back().writes.back().value;
  CHECK(document.find("\"tracers\":[[1,4],[2,2],[3,2]]") != std::string::npos);
}

// The job, with all planned flows traced across one router, but for those that `untraced` traces.
PlanningJob traced(PlanningJob job, NodeId untraced) {
  auto topology = std::make_shared<topology::Topology>(*job.topology);
  auto paths = std::make_shared<topology::PathBook>();
  for (const auto& plan : job.plans->plans) {
    for (const auto& flow : plan.flows) {
      const auto target = plan.peers[flow.peer].node;
      for (const auto direction : {Direction::kForward, Direction::kReturn}) {
        if ((direction == Direction::kForward ? plan.node : target) == untraced) continue;
        const PathRecord path{.target = target,
                              .source_port = flow.source_port,
                              .direction = direction,
                              .traced_at = job.now,
                              .complete = true,
                              .hops = {{IpAddress::v4(0x0a640001)}}};
        static_cast<void>(paths->update(plan.node, path));
        topology->learn(plan.node, path);
      }
    }
  }
  topology->settle();
  job.topology = std::move(topology);
  job.paths = std::move(paths);
  return job;
}

TEST_CASE("planning counts the nodes that trace across the fullest router of each", "[core]") {
  Fleet fleet;
  fleet.pass(seconds{70});
  const auto job = fleet.take_job();
  CHECK(plan_flows(job).memory.tracers.empty());  // nothing was traced
  const auto all = plan_flows(traced(job, NodeId{99})).memory.tracers;
  CHECK(all.size() == 6);
  for (const auto& [node, count] : all) CHECK(count == 6);
  const auto untraced = job.plans->plans[2].node;
  const auto most = plan_flows(traced(job, untraced)).memory.tracers;
  CHECK(most.size() == 5);
  CHECK_FALSE(most.contains(untraced));
  for (const auto& [node, count] : most) CHECK(count == 6);  // it may cross the router, too
}

TEST_CASE("rounds that close no gap come less and less often", "[core]") {
  Fleet fleet;
  fleet.pass(seconds{70});
  static_cast<void>(fleet.take_job());
  PlanningMemory memory{.tried = {{fleet.other_flow(), fleet.now.wall}}, .vain_rounds = 2};
  fleet.step(PlanningDone{{.memory = std::move(memory), .numbers = {}}});
  fleet.pass(minutes{3});
  CHECK(fleet.effects.plannings.empty());
  fleet.pass(minutes{1});
  CHECK(fleet.effects.plannings.size() == 1);
}

}  // namespace
}  // namespace faultline::core
