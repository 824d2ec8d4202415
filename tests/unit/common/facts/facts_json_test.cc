#include "common/facts/facts_json.h"

#include "tests/support/catch.h"
#include "tests/unit/common/facts/samples.h"

namespace faultline::facts {
namespace {

using nlohmann::json;

Result<Facts> changed(const char* pointer, json value) {
  auto document = to_json(tests::sample_facts());
  document[json::json_pointer(pointer)] = std::move(value);
  return from_json(document);
}

TEST_CASE("a snapshot with every member survives being a file", "[facts]") {
  const auto facts = tests::sample_facts();
  const auto read = from_text(to_text(facts));
  REQUIRE(read);
  CHECK(*read == facts);
  CHECK(from_text(to_text(Facts{})) == Facts{});
}

TEST_CASE("what was not read is left out, and an empty list is not", "[facts]") {
  Facts facts;
  facts.routes.emplace();
  const auto document = to_json(facts);
  CHECK(document.contains("routes"));
  CHECK_FALSE(document.contains("neighbors"));
  CHECK_FALSE(document.contains("firewall"));
  const auto read = from_json(document);
  REQUIRE(read);
  CHECK(read->routes == Listing<Route>{});
  CHECK(read->neighbors == std::nullopt);
}

TEST_CASE("members of a newer probe are ignored", "[facts]") {
  CHECK(changed("/weather", "rain") == tests::sample_facts());
  CHECK(changed("/interfaces/items/0/color", 7) == tests::sample_facts());
}

TEST_CASE("a mistake is told by its member", "[facts]") {
  const auto problem = [](const char* pointer, json value) {
    const auto read = changed(pointer, std::move(value));
    return read ? std::string("accepted") : read.error().context;
  };
  CHECK(problem("/interfaces/items/0/mtu", "big") ==
        "this is no snapshot of facts: \"mtu\" is not a number from 0 to 4294967295");
  CHECK(problem("/addresses/items/0/address", "10.0.0.1/33") ==
        "this is no snapshot of facts: \"address\" is not a prefix such as 10.0.0.1/24");
  CHECK(problem("/addresses/items/0/address", "10.0.0.1") != "accepted");
  CHECK(problem("/routes/items/0/destination", "10.0.0.0/-1") != "accepted");
  CHECK(problem("/routes/total", 0U) ==
        "this is no snapshot of facts: \"routes\" is not a list with its total");
  CHECK(problem("/neighbors/items/0/address", "host") != "accepted");
  CHECK(problem("/host_name", std::string(2000, 'a')) != "accepted");
  CHECK(problem("/collected_at", "yesterday") != "accepted");
  CHECK(problem("/schema", "faultline.facts/2") ==
        "this is no snapshot of facts: it does not say \"schema\": \"faultline.facts/1\"");
  CHECK(from_text("[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]").error().code ==
        ErrorCode::kInvalid);
  CHECK_FALSE(from_text("{"));
  CHECK_FALSE(from_text(""));
}

TEST_CASE("lists beyond their bounds are refused, and all lists at them fit a document",
          "[facts]") {
  auto facts = tests::sample_facts();
  const auto fill = [](auto& listing, std::size_t count) {
    listing.items.resize(count, listing.items.front());
    listing.total = count;
  };
  fill(*facts.interfaces, kInterfacesMax);
  fill(*facts.addresses, kAddressesMax);
  fill(*facts.routes, kRoutesMax);
  fill(*facts.rules, kRulesMax);
  fill(*facts.neighbors, kNeighborsMax);
  fill(*facts.listeners, kListenersMax);
  fill(facts.firewall->rules, kFirewallRulesMax);
  const auto text = to_text(facts);
  CHECK(text.size() < kDocumentMax);
  CHECK(from_text(text) == facts);
  fill(*facts.neighbors, kNeighborsMax + 1);
  CHECK_FALSE(from_text(to_text(facts)));
}

}  // namespace
}  // namespace faultline::facts
