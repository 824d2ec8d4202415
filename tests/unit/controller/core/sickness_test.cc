// How little a window means by what it says of its own machine, and in which words.
#include "controller/core/sickness.h"

#include "tests/support/catch.h"

namespace faultline::core {
namespace {

constexpr std::uint64_t kWindowNs = 10'000'000'000;
constexpr std::uint64_t kProcessorsNs = 4 * kWindowNs;
constexpr std::uint64_t kLateNs = 40'000'000;

Sickness sickness_of(const ProberHealth& health) {
  Report report{.window = std::chrono::seconds{10}, .health = health};
  report.flows.push_back({.target = NodeId{2}, .source_port = 61000, .sent = 1'000});
  return sickness(report);
}

ProberHealth stolen(double share, std::uint64_t late_ns = kLateNs) {
  return {.lateness_max_ns = late_ns,
          .stolen_ns = static_cast<std::uint64_t>(share * static_cast<double>(kProcessorsNs)),
          .processor_ns = kProcessorsNs};
}

TEST_CASE("a prober is sick by the packets that it lost itself, ten times over", "[sickness]") {
  CHECK(sickness_of({}) == Sickness{});
  const auto drops = sickness_of({.receive_drops = 20});
  CHECK(drops.share == Approx(0.2));
  CHECK(drops.why == "20 packets dropped on receipt");
  const auto both = sickness_of({.receive_drops = 20, .send_failures = 900});
  CHECK(both.share == 1);
  CHECK(both.why == "20 packets dropped on receipt, 900 not sent");
  CHECK(sickness_of({.send_failures = 1}).why == "1 not sent");
}

TEST_CASE("a window without packets says nothing that could be doubted", "[sickness]") {
  CHECK(sickness({.health = {.receive_drops = 20}}) == Sickness{});
}

TEST_CASE("a hypervisor that takes a third of the processors makes a window void, and is named",
          "[sickness]") {
  const auto sick = sickness_of(stolen(0.31));
  CHECK(sick.share > 0.5);
  CHECK(sick.share < 1);
  CHECK(sick.why == "the hypervisor took 31 % of its processors in that window");
  CHECK(sickness_of(stolen(0.6)).share == 1);
}

TEST_CASE("the steal that every virtual machine has makes nobody sick", "[sickness]") {
  CHECK(sickness_of(stolen(0.02)) == Sickness{});
  // Of one processor it would be much; of four it is not.
  CHECK(sickness_of(stolen(0.04)) == Sickness{});
  const auto little = sickness_of(stolen(0.08));
  CHECK(little.share > 0);
  CHECK(little.share < 0.1);
}

TEST_CASE("a probe that was never late was not hit, whatever its machine did", "[sickness]") {
  CHECK(sickness_of(stolen(0.31, 2'000'000)) == Sickness{});
  CHECK(sickness_of({.lateness_max_ns = 2'000'000, .throttled_ns = kWindowNs / 2}) == Sickness{});
}

TEST_CASE("of an older probe, which does not tell its processors, steal is not judged",
          "[sickness]") {
  auto health = stolen(0.31);
  health.processor_ns = 0;
  CHECK(sickness_of(health) == Sickness{});
}

TEST_CASE("a CPU limit that holds the probe back is weighed by the time that it took",
          "[sickness]") {
  const auto sick = sickness_of({.lateness_max_ns = kLateNs, .throttled_ns = kWindowNs * 4 / 10});
  CHECK(sick.share > 0.5);
  CHECK(sick.why ==
        "the CPU limit of its control group took 40 % of the probe's time in that window");
  // Counters are read every few seconds: a window may be told more than it is long.
  CHECK(sickness_of({.lateness_max_ns = kLateNs, .throttled_ns = 2 * kWindowNs}).share == 1);
}

TEST_CASE("packets of anybody that a backlog dropped are a doubt and never void a window",
          "[sickness]") {
  CHECK(sickness_of({.softnet_drops = 9}) == Sickness{});
  const auto some = sickness_of({.softnet_drops = 50});
  CHECK(some.share == Approx(0.05));
  CHECK(some.why == "its kernel dropped 50 packets for a full backlog");
  CHECK(sickness_of({.softnet_drops = 1'000'000}).share < 0.5);
}

TEST_CASE("the gravest is told", "[sickness]") {
  auto health = stolen(0.31);
  health.softnet_drops = 100;
  health.receive_drops = 1;
  CHECK(sickness_of(health) == sickness_of(stolen(0.31)));
}

TEST_CASE("a clock that is off, was set or is kept by nobody is told in that order", "[sickness]") {
  CHECK(clock_trouble({}).empty());
  CHECK(clock_trouble({.clock = ClockSync::kSynchronised, .clock_step_ns = 5'000'000}).empty());
  CHECK(clock_trouble({.clock = ClockSync::kFree}) == "nothing keeps its clock");
  CHECK_FALSE(is_clock_wrong({.clock = ClockSync::kFree}));
  const ProberHealth set{.clock = ClockSync::kFree, .clock_step_ns = -2'000'000'000};
  CHECK(clock_trouble(set) == "its clock was set back by 2s");
  CHECK(is_clock_wrong(set));
  CHECK(clock_trouble({.clock_step_ns = 300'000'000}) == "its clock was set forward by 300ms");
  CHECK(clock_trouble({.clock_step_ns = 300'000'000, .clock_offset_ns = 31'000'000'000}) ==
        "its clock is 31s ahead");
  CHECK(clock_trouble({.clock_offset_ns = -31'000'000'000}) == "its clock is 31s behind");
}

}  // namespace
}  // namespace faultline::core
