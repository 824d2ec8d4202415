#include "probe/facts/collector.h"

#include <algorithm>

#include "common/facts/facts_json.h"
#include "tests/support/catch.h"

namespace faultline::probe_facts {
namespace {

TEST_CASE("collecting costs at most a thousandth of a processor", "[facts]") {
  CHECK(pause_after(std::chrono::milliseconds{5}) == kIntervalMin);
  CHECK(pause_after(std::chrono::seconds{2}) == std::chrono::seconds{2000});
}

TEST_CASE("this machine's own facts are a snapshot, with what programs would tell marked unknown",
          "[facts]") {
  const auto collection = collect({.run_programs = false});
  const auto& facts = collection.facts;
  CHECK(collection.processor_time > Duration::zero());
  REQUIRE(facts.interfaces);
  CHECK(facts.interfaces->items.at(0).name == "lo");
  CHECK(facts.firewall == std::nullopt);
  const auto names = [&](const char* what) {
    return std::ranges::any_of(facts.unknown,
                               [&](const auto& entry) { return entry.what == what; });
  };
  CHECK(names("firewall"));
  CHECK(names("lldp"));
  CHECK(facts::from_text(facts::to_text(facts)).has_value());
}

}  // namespace
}  // namespace faultline::probe_facts
