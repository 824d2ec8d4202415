// What the kernel's files say of a machine, and what of it a window is told.
#include "probe/session/machine.h"
#include "tests/support/catch.h"

namespace faultline::session {
namespace {

TEST_CASE("dropped packets of all processors are added up", "[session][machine]") {
  CHECK(softnet_drops("03a224dc 00000000 0000004c\n03760887 0000000f 0000002b\n"
                      "00000001 000000ff 00000000\n") == 15 + 255);
  CHECK(softnet_drops("03a224dc 00000000") == 0);
  for (const auto* text : {"", "\n", "03a224dc", "03a224dc -1", "03a224dc 12345678123456781"}) {
    CAPTURE(text);
    CHECK_FALSE(softnet_drops(text));
  }
}

TEST_CASE("throttled time is read of both versions of control groups", "[session][machine]") {
  CHECK(throttled_ns("usage_usec 5\nuser_usec 3\nnr_periods 2\nnr_throttled 1\n"
                     "throttled_usec 1234\nnr_bursts 0\n") == 1'234'000);
  CHECK(throttled_ns("nr_periods 2\nnr_throttled 1\nthrottled_time 987654321\n") == 987'654'321);
  // A group without a limit has no such line.
  CHECK_FALSE(throttled_ns("usage_usec 5\nuser_usec 3\nsystem_usec 2\n"));
  CHECK_FALSE(throttled_ns("throttled_usec x\n"));
  CHECK_FALSE(throttled_ns(""));
}

TEST_CASE("stolen time is the eighth number of all processors", "[session][machine]") {
  CHECK(stolen_ns("cpu  1 2 3 4 5 6 7 250 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n", 100) ==
        2'500'000'000);
  CHECK_FALSE(stolen_ns("cpu0 1 2 3 4 5 6 7 8 9 10\n", 100));
  CHECK_FALSE(stolen_ns("cpu  1 2 3\n", 100));
  CHECK_FALSE(stolen_ns("cpu  1 2 3 4 5 6 7 8\n", 0));
  CHECK_FALSE(stolen_ns("", 100));
}

TEST_CASE("a process' control group is found in both versions", "[session][machine]") {
  CHECK(cpu_stat_path("0::/system.slice/faultline-probe.service\n") ==
        "/sys/fs/cgroup/system.slice/faultline-probe.service/cpu.stat");
  CHECK(cpu_stat_path("0::/\n") == "/sys/fs/cgroup/cpu.stat");
  CHECK(cpu_stat_path("9:name=systemd:/\n3:cpuset:/a\n1:cpu,cpuacct:/b\n0::/\n") ==
        "/sys/fs/cgroup/cpu/b/cpu.stat");
  CHECK_FALSE(cpu_stat_path(""));
  CHECK_FALSE(cpu_stat_path("nonsense"));
}

TEST_CASE("a window is told what grew, and a counter that fell began anew", "[session][machine]") {
  ProberHealth health{.softnet_drops = 1};
  note_growth({.softnet_drops = 10, .throttled_ns = 500, .stolen_ns = {}},
              {.softnet_drops = 14, .throttled_ns = 200, .stolen_ns = 9, .clock = ClockSync::kFree},
              health);
  CHECK(health.softnet_drops == 5);
  CHECK(health.throttled_ns == 200);
  CHECK(health.stolen_ns == 0);  // it was not known before
  CHECK(health.clock == ClockSync::kFree);
  note_growth({.softnet_drops = 0}, {.softnet_drops = std::uint64_t{1} << 40}, health);
  CHECK(health.softnet_drops == 0xffffffff);
}

}  // namespace
}  // namespace faultline::session
