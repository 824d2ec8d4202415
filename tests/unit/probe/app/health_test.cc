#include "probe/app/health.h"

#include "tests/support/catch.h"

namespace faultline::probe_app {
namespace {

using std::chrono::seconds;

constexpr WallTime kNow = wall_time_from_unix_seconds(1'790'000'000);

HealthRecord measuring() {
  return {.written_at = kNow - seconds{2},
          .started_at = kNow - seconds{600},
          .pid = 123,
          .software = "faultline-probe 0.1.0",
          .node = 3,
          .name = "h3",
          .welcomed = true,
          .link_since = kNow - seconds{590},
          .plan_revision = 7,
          .sessions = 120,
          .measuring = true,
          .lease_end = kNow + seconds{3'000},
          .windows = 55};
}

void check_unhealthy(const HealthRecord& record, const std::string& why,
                     bool process_lives = true) {
  const auto verdict = judge(record, kNow, process_lives);
  CHECK_FALSE(verdict.healthy);
  CHECK_FALSE(verdict.measuring);
  CHECK_THAT(verdict.text, Catch::StartsWith("not healthy: ") && Catch::Contains(why));
}

TEST_CASE("a probe that measures with its controller is healthy", "[health]") {
  const auto verdict = judge(measuring(), kNow, true);
  CHECK(verdict == HealthVerdict{.healthy = true,
                                 .measuring = true,
                                 .text = "healthy: node 3 \"h3\" measures 120 sessions by plan 7"});
}

TEST_CASE("a probe without a controller is healthy while its lease runs, and then is not",
          "[health]") {
  auto record = measuring();
  record.welcomed = false;
  record.link_since = kNow - seconds{90};
  record.spool_batches = 9;
  const auto verdict = judge(record, kNow, true);
  CHECK(verdict.healthy);
  CHECK_FALSE(verdict.measuring);
  CHECK_THAT(verdict.text, Catch::Contains("without a controller for 90s, 9 batches spooled"));
  record.lease_end = kNow;
  check_unhealthy(record, "the lease of plan 7 has ended, without a controller for 90s");
  record.measuring = false;
  record.lease_end.reset();
  check_unhealthy(record, "the lease of plan 7 has ended");
}

TEST_CASE("a probe is healthy before its first window, but does not measure yet", "[health]") {
  auto record = measuring();
  record.windows = 0;
  CHECK(judge(record, kNow, true).healthy);
  CHECK_FALSE(judge(record, kNow, true).measuring);
  // The first node of a fleet has nobody to measure to.
  record.sessions = 0;
  CHECK(judge(record, kNow, true).measuring);
}

TEST_CASE("a record counts only while its process lives and writes", "[health]") {
  check_unhealthy(measuring(), "process 123 wrote last at", /*process_lives=*/false);
  auto record = measuring();
  record.written_at = kNow - kHealthAgeMax;
  CHECK(judge(record, kNow, true).healthy);
  record.written_at -= seconds{1};
  check_unhealthy(record, "has not written its state for 16s");
  record.written_at = kNow + seconds{3'600};  // the clock was set back
  check_unhealthy(record, "has not written its state");
}

TEST_CASE("a probe that has not joined, has no plan or is stuck is not healthy", "[health]") {
  auto record = measuring();
  record.stuck = "the engine thread has not moved for 12s";
  check_unhealthy(record, "the engine thread has not moved for 12s");
  record = measuring();
  record.plan_revision = 0;
  check_unhealthy(record, "node 3 \"h3\" has no plan yet, welcomed");
  record = {.written_at = kNow, .started_at = kNow - seconds{40}, .pid = 123};
  check_unhealthy(record, "has not joined for 40s");
}

TEST_CASE("lost results are told, and are no reason to be replaced", "[health]") {
  auto record = measuring();
  record.results_dropped = 17;
  CHECK(judge(record, kNow, true).healthy);
  CHECK_THAT(judge(record, kNow, true).text, Catch::EndsWith("; 17 results lost since the start"));
}

TEST_CASE("a record survives its JSON, whatever its texts hold", "[health]") {
  auto record = measuring();
  CHECK(parse_health(to_json(record), "health.json") == record);
  record.name = R"(a"b\c: {x} #y)";
  record.stuck = "the \"engine\" thread";
  record.lease_end.reset();
  CHECK(parse_health(to_json(record), "health.json") == record);
  CHECK(parse_health(
            to_json({.written_at = kNow, .started_at = kNow, .pid = 1, .link_since = kNow}), "x")
            .has_value());
}

TEST_CASE("a damaged record is one sentence that names the file", "[health]") {
  for (const auto* text : {"", "{", "[]", R"({"schema": "x"})", R"({"schema":"x","pid":"y"})"}) {
    CAPTURE(text);
    const auto record = parse_health(text, "/state/health.json");
    REQUIRE_FALSE(record);
    CHECK_THAT(record.error().context, Catch::StartsWith("/state/health.json"));
  }
}

}  // namespace
}  // namespace faultline::probe_app
