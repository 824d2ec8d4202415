#include "controller/topology/path_timeline.h"

#include "tests/support/catch.h"
#include "tests/unit/controller/topology/fabric.h"

namespace faultline::topology {
namespace {

constexpr NodeId kTracing{1};
const PathKey kKey{kTracing, NodeId{2}, 40'000, Direction::kForward};

PathRecord traced(std::int64_t at, const char* hop) {
  return {.target = NodeId{2},
          .source_port = 40'000,
          .traced_at = wall_time_from_unix_seconds(at),
          .complete = true,
          .hops = hops({hop})};
}

TEST_CASE("each time has the path that was traced last, in whatever order they came",
          "[path_timeline]") {
  PathTimeline timeline;
  timeline.add(kTracing, traced(300, "10.0.0.3"));
  timeline.add(kTracing, traced(100, "10.0.0.1"));
  timeline.add(kTracing, traced(200, "10.0.0.2"));
  const auto at = [&](std::int64_t time) {
    return timeline.find(kKey, wall_time_from_unix_seconds(time)).path->hops;
  };
  CHECK(at(199) == hops({"10.0.0.1"}));
  CHECK(at(200) == hops({"10.0.0.2"}));
  CHECK(at(299) == hops({"10.0.0.2"}));
  CHECK(at(5000) == hops({"10.0.0.3"}));
}

TEST_CASE("before the first trace there is the first, and of other sessions nothing",
          "[path_timeline]") {
  PathTimeline timeline;
  CHECK(timeline.find(kKey, wall_time_from_unix_seconds(1)).path == nullptr);
  timeline.add(kTracing, traced(100, "10.0.0.1"));
  CHECK(timeline.find(kKey, wall_time_from_unix_seconds(1)).path->hops == hops({"10.0.0.1"}));
  const auto too_early = wall_time_from_unix_seconds(99) - kFirstTraceWithin;
  CHECK(timeline.find(kKey, too_early).path == nullptr);
  CHECK(timeline
            .find({kTracing, NodeId{3}, 40'000, Direction::kForward},
                  wall_time_from_unix_seconds(100))
            .path == nullptr);
}

}  // namespace
}  // namespace faultline::topology
