#include "controller/cli/mtu_both_ways.h"

#include "controller/cli/render.h"
#include "tests/support/catch.h"

namespace faultline::cli {
namespace {

Json mtu_report(const char* outcome, const char* verdict, int mtu, const char* summary,
                int interface_mtu = 1500) {
  return {{"schema", "faultline.test/1"},
          {"kind", "mtu"},
          {"interface", "eth0"},
          {"interface_mtu", interface_mtu},
          {"outcome", outcome},
          {"verdict", verdict},
          {"summary", summary},
          {"direction", "forward"},
          {"mtu", mtu}};
}
Json passes(int mtu = 1500) { return mtu_report("ok", "ok", mtu, "all of it arrives", mtu); }
Json hole() { return mtu_report("fault", "black-hole", 1400, "packets above 1400 octets vanish"); }
Json silent() { return mtu_report("inconclusive", "inconclusive", 128, "too many were lost"); }

std::string told(const Json& there, const Json& back) {
  return text(mtu_both_ways("h1", "h9", there, back), "summary");
}
ExitCode code(const Json& there, const Json& back) {
  return exit_code_of(mtu_both_ways("h1", "h9", there, back));
}

TEST_CASE("which way large packets do not pass is the sentence, and a fault one way is a fault",
          "[cli][mtu]") {
  CHECK(told(passes(), passes()) ==
        "packets of 1500 octets pass both ways, which is all that the interfaces take");
  CHECK(told(hole(), passes()) ==
        "from h1 to h9, packets above 1400 octets vanish; the other way 1500 octets pass");
  CHECK(told(passes(), hole()) ==
        "from h9 to h1, packets above 1400 octets vanish; the other way 1500 octets pass");
  CHECK(told(hole(), hole()) == "both ways, packets above 1400 octets vanish");
  CHECK(told(hole(), mtu_report("fault", "low-mtu", 1450, "at most 1450 octets")) ==
        "from h1 to h9, packets above 1400 octets vanish; the other way, at most 1450 octets");
  CHECK(told(passes(9000), passes()) ==
        "whatever the interfaces take passes: 9000 octets from h1 to h9, 1500 the other way");
  CHECK(told(silent(), hole()) ==
        "from h9 to h1, packets above 1400 octets vanish; of the other way is known: too many were "
        "lost");
  CHECK(told(passes(), silent()) ==
        "from h9 to h1, too many were lost; the other way 1500 octets pass");
  CHECK(code(passes(), passes()) == ExitCode::kHealthy);
  CHECK(code(passes(), hole()) == ExitCode::kFaultFound);
  CHECK(code(silent(), hole()) == ExitCode::kFaultFound);
  CHECK(code(passes(), silent()) == ExitCode::kInconclusive);
}

TEST_CASE("both reports are shown, with what the two interfaces take", "[cli][mtu]") {
  const auto shown = render(mtu_both_ways("h1", "h9", passes(9000), hole()), {});
  REQUIRE(shown);
  CHECK_THAT(*shown, Catch::StartsWith("[fault] from h9 to h1, packets above 1400"));
  CHECK_THAT(*shown, Catch::Contains("9000 of h1 (eth0), 1500 of h9 (eth0): they differ"));
  CHECK_THAT(*shown, Catch::Contains("h1 to h9: [ok] ok: all of it arrives"));
  CHECK_THAT(*shown, Catch::Contains("h9 to h1: [fault] black-hole: packets above 1400"));
  const auto equal = render(mtu_both_ways("h1", "h9", passes(), passes()), {});
  CHECK_THAT(*equal, !Catch::Contains("they differ"));
}

}  // namespace
}  // namespace faultline::cli
