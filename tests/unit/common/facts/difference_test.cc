#include "common/facts/difference.h"

#include "common/facts/facts_json.h"
#include "tests/support/catch.h"
#include "tests/unit/common/facts/samples.h"

namespace faultline::facts {
namespace {

TEST_CASE("a difference turns the snapshot before into the one after", "[facts]") {
  const auto before = tests::sample_facts();
  auto after = before;
  after.interfaces->items[0].mtu = 9000;
  after.interfaces->items[0].carrier.reset();
  after.interfaces->items.push_back(tests::sample_interface(2));
  after.interfaces->total = 2;
  after.firewall.reset();
  after.sysctls["net.ipv4.ip_forward"] = 0;
  CHECK(apply_difference(before, difference(before, after)) == after);
  CHECK(apply_difference(after, difference(after, before)) == before);
  CHECK(difference(before, before) == "[]");
}

TEST_CASE("a difference of few members is small", "[facts]") {
  const auto before = tests::sample_facts();
  auto after = before;
  after.cpu->total += 6000;
  CHECK(difference(before, after).size() < 80);
  CHECK(to_text(after).size() > 2000);
}

TEST_CASE("a difference that fits another snapshot is refused", "[facts]") {
  const auto before = tests::sample_facts();
  auto after = before;
  after.interfaces->items[0].mtu = 9000;
  CHECK_FALSE(apply_difference(Facts{}, difference(before, after)));
  CHECK_FALSE(apply_difference(before, "{}"));
  CHECK_FALSE(apply_difference(before, "[{\"op\":\"remove\",\"path\":\"/collected_at\"}]"));
  CHECK_FALSE(apply_difference(before, "[{\"op\":\"jump\",\"path\":\"\"}]"));
}

}  // namespace
}  // namespace faultline::facts
