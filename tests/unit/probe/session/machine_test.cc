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

TEST_CASE("a window is told what grew, and a counter that fell began anew", "[session][machine]") {
  ProberHealth health{.softnet_drops = 1};
  note_growth({.softnet_drops = 10, .throttled_ns = 500, .stolen_ns = {}, .processor_ns = 70},
              {.softnet_drops = 14,
               .throttled_ns = 200,
               .stolen_ns = 9,
               .processor_ns = 90,
               .clock = ClockSync::kFree},
              health);
  CHECK(health.softnet_drops == 5);
  CHECK(health.throttled_ns == 200);
  CHECK(health.stolen_ns == 0);  // it was not known before
  CHECK(health.processor_ns == 20);
  CHECK(health.clock == ClockSync::kFree);
  note_growth({.softnet_drops = 0}, {.softnet_drops = std::uint64_t{1} << 40}, health);
  CHECK(health.softnet_drops == 0xffffffff);
}

}  // namespace
}  // namespace faultline::session
