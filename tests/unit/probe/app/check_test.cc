#include "probe/app/check.h"

#include <algorithm>
#include <cerrno>

#include "tests/support/catch.h"

namespace faultline::probe_app {
namespace {

using std::chrono::milliseconds;

MachineSeen fit() {
  return {.profile = {.address = IpAddress::v4(0xc0000201),
                      .source_port_first = 61000,
                      .source_port_count = 16},
          .interface = "eth0",
          .mtu = 1500,
          .ports = {{"reflector_port", 862, false, 0}, {"mesh_port", 7401, true, 0}},
          .may_echo = true,
          .ephemeral_first = 32768,
          .ephemeral_last = 60999,
          .receive_buffer_max = 1 << 20,
          .clock = ClockSeen{.synchronized = true, .error_max = milliseconds{2}},
          .capabilities = 1U << 12 | 1U << 13,
          .controllers = {{"tcp://192.0.2.10:7400", "", milliseconds{1}}},
          .joined = true,
          .state_dir = "/var/lib/faultline/probe",
          .disk_free = 1 << 30,
          .spool_size_max = 1 << 20};
}

// What is not ok, as "fail ports".
std::vector<std::string> found(const MachineSeen& seen) {
  std::vector<std::string> lines;
  for (const auto& line : check(seen)) {
    if (line.level == CheckLevel::kOk) {
      CHECK(line.remedy.empty());
      continue;
    }
    CHECK_FALSE(line.remedy.empty());
    lines.push_back((line.level == CheckLevel::kFail ? "fail " : "warn ") + line.what);
  }
  return lines;
}
using Found = std::vector<std::string>;

TEST_CASE("a machine that is fit has a line for everything and nothing to mend", "[check]") {
  CHECK(found(fit()).empty());
  CHECK(check(fit()).size() >= 9);
}

TEST_CASE("a port that another program has is a failure; one that the running probe has is not",
          "[check]") {
  auto seen = fit();
  seen.ports[0].error = EADDRINUSE;
  CHECK(found(seen) == Found{"fail ports"});
  seen.probe_runs = true;
  CHECK(found(seen).empty());
  seen.ports[0].error = EACCES;
  CHECK(found(seen) == Found{"fail ports"});
}

TEST_CASE("source ports that programs are given too are warned of", "[check]") {
  auto seen = fit();
  seen.ephemeral_last = 61000;
  CHECK(found(seen) == Found{"warn ports"});
}

TEST_CASE("without its address, its folder or any controller a probe is not fit", "[check]") {
  auto seen = fit();
  seen.interface.clear();
  CHECK(found(seen) == Found{"fail address"});
  seen = fit();
  seen.state_dir_failure = "Permission denied";
  CHECK(found(seen) == Found{"fail state"});
  seen = fit();
  seen.controllers[0].failure = "Connection refused";
  CHECK(found(seen) == Found{"fail controller"});
  seen.controllers.push_back({"tcp://192.0.2.11:7400", "", milliseconds{1}});
  CHECK(found(seen) == Found{"warn controller"});
  seen = fit();
  seen.joined = false;
  seen.controllers.clear();
  CHECK(found(seen) == Found{"fail controller"});
}

TEST_CASE("small MTU, small buffers, a clock that nobody sets and no ICMP are warned of",
          "[check]") {
  auto seen = fit();
  seen.mtu = 1400;
  seen.receive_buffer_max = 212'992;
  seen.may_echo = false;
  seen.clock->synchronized = false;
  CHECK(found(seen) == Found{"warn mtu", "warn sysctls", "warn icmp", "warn clock"});
  seen.mtu = 1200;
  seen.clock = ClockSeen{.synchronized = true, .error_max = milliseconds{900}};
  CHECK(found(seen) == Found{"fail mtu", "warn sysctls", "warn icmp", "warn clock"});
}

TEST_CASE("each missing capability is warned of with what it would allow", "[check]") {
  auto seen = fit();
  seen.capabilities = 1U << 10;  // CAP_NET_BIND_SERVICE, as the unit gives
  CHECK(found(seen) == Found{"warn privileges", "warn privileges"});
  seen.capabilities = 1U << 12;
  CHECK(found(seen) == Found{"warn privileges"});
  const auto lines = check(seen);
  const auto missing = std::ranges::find(lines, CheckLevel::kWarn, &CheckLine::level);
  REQUIRE(missing != lines.end());
  CHECK_THAT(missing->text, Catch::Contains("CAP_NET_RAW is missing"));
  seen.capabilities.reset();
  CHECK(found(seen) == Found{"warn privileges"});
}

TEST_CASE("effective capabilities are read as the kernel writes them", "[check]") {
  CHECK(parse_capabilities("Name:\tx\nCapPrm:\t0\nCapEff:\t0000000000003400\nCapBnd:\t0\n") ==
        0x3400);
  CHECK(parse_capabilities("Name:\tx\nCapEff:\t000001ffffffffff\n") == 0x1ffffffffff);
  for (const auto* other : {"", "CapEff:\t1\n", "\nCapEff:\t\n", "\nCapEff:\t12x\n"}) {
    CHECK_FALSE(parse_capabilities(other));
  }
}

}  // namespace
}  // namespace faultline::probe_app
