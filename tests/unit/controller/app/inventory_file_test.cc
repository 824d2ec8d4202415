#include "controller/app/inventory_file.h"

#include <fmt/format.h>

#include "controller/topology/ansible.h"

#include "tests/support/catch.h"
#include "tests/unit/controller/topology/fabric.h"

namespace faultline::app {
namespace {

using topology::address;
using topology::DeviceKind;
using topology::Inventory;

TEST_CASE("an inventory is read as written", "[inventory]") {
  const auto inventory = parse_inventory(R"(
devices:
  - name: leaf1
    kind: switch
    tier: leaf
    interfaces:
      - {name: up1, address: 10.0.0.0, peer: spine1/down1}
      - {address: 2001:db8::1}
  - name: spine1
    kind: router
    interfaces:
      - {name: down1, address: 10.0.0.1, peer: leaf1}
)",
                                         "inventory.yaml");
  REQUIRE(inventory);
  CHECK(*inventory == Inventory{{{.name = "leaf1",
                                  .kind = DeviceKind::kSwitch,
                                  .tier = "leaf",
                                  .interfaces = {{"up1", address("10.0.0.0"), "spine1", "down1"},
                                                 {"", address("2001:db8::1"), "", ""}}},
                                 {.name = "spine1",
                                  .kind = DeviceKind::kRouter,
                                  .tier = "",
                                  .interfaces = {{"down1", address("10.0.0.1"), "leaf1", ""}}}}});
}

TEST_CASE("ways are read, and refused where they name what is not there", "[inventory]") {
  const auto yaml = [](const char* via) {
    return fmt::format(
        "devices:\n  - {{name: nat-1, kind: gateway}}\n"
        "ways:\n  - {{from: 10.0.1.7, to: 192.168.1.9/16, via: [{}]}}\n",
        via);
  };
  const auto inventory = parse_inventory(yaml("nat-1"), "inventory.yaml");
  REQUIRE(inventory);
  CHECK(inventory->ways ==
        std::vector<topology::Way>{{.from = *topology::Place::parse("10.0.1.7/32"),
                                    .to = *topology::Place::parse("192.168.0.0/16"),
                                    .via = {"nat-1"}}});
  CHECK(parse_inventory(topology::to_yaml(*inventory), "again") == *inventory);
  CHECK(parse_inventory(yaml("nat-2"), "i.yaml").error().context.find("there is no device nat-2") !=
        std::string::npos);
  CHECK_FALSE(parse_inventory("ways:\n  - {from: here, to: 10.0.0.1, via: []}\n", "i.yaml"));
}

TEST_CASE("an empty inventory is an inventory", "[inventory]") {
  CHECK(parse_inventory("", "x") == Inventory{});
  CHECK(parse_inventory("devices: []\n", "x") == Inventory{});
}

TEST_CASE("a mistake in an inventory is one sentence with its line", "[inventory]") {
  struct Case {
    const char* yaml;
    const char* line;
    const char* says;
  };
  const Case cases[] = {
      {"devices:\n  - kind: switch\n", ":2:", "name"},
      {"devices:\n  - name: a b\n", ":2:", "a name is"},
      {"devices:\n  - name: a\n  - name: a\n", ":3:", "declared twice"},
      {"devices:\n  - name: a\n    kind: toaster\n", ":3:", "toaster"},
      {"devices:\n  - name: a\n    colour: red\n", ":3:", "colour"},
      {"gadgets: []\n", ":1:", "gadgets"},
      {"devices:\n  - name: a\n    interfaces:\n      - {address: 10.0.0.0/31}\n",
       ":4:", "not an IP address"},
      {"devices:\n  - name: a\n    interfaces:\n      - {name: e1}\n", ":4:", "address"},
      {"devices:\n  - name: a\n    interfaces:\n      - {address: 10.0.0.1}\n      - {address: "
       "10.0.0.1}\n",
       ":5:", "belongs to a already"},
      {"devices:\n  - name: a\n    interfaces:\n      - {name: e, address: 10.0.0.1}\n      - "
       "{name: e, address: 10.0.0.2}\n",
       ":5:", "two interfaces named e"},
      {"devices:\n  - name: a\n    interfaces:\n      - {address: 10.0.0.1, peer: b}\n",
       ":4:", "there is no device b"},
      {"devices:\n  - name: a\n    interfaces:\n      - {address: 10.0.0.1, peer: a}\n",
       ":4:", "itself"},
      {"devices:\n  - name: a\n    interfaces:\n      - {address: 10.0.0.1, peer: b/e9}\n  - name: "
       "b\n",
       ":4:", "b has no interface e9"},
      {"devices:\n  - name: a\n    interfaces:\n      - {name: e1, address: 10.0.0.1, peer: "
       "b/e1}\n  - name: b\n    interfaces:\n      - {name: e1, address: 10.0.0.2, peer: c}\n  - "
       "name: c\n",
       ":4:", "says that its peer is c"},
      {"devices:\n  - name: a\n    interfaces:\n      - {address: 10.0.0.1, peer: b}\n      - "
       "{address: "
       "10.0.0.3, peer: b}\n  - name: b\n",
       ":4:", "several cables"},
      {"devices: 7\n", ":1:", "devices"},
      {"devices:\n  - [\n", "", "YAML"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.yaml);
    const auto inventory = parse_inventory(test.yaml, "inventory.yaml");
    REQUIRE(!inventory);
    CAPTURE(inventory.error().context);
    CHECK(inventory.error().context.starts_with(std::string("inventory.yaml") + test.line));
    CHECK(inventory.error().context.find(test.says) != std::string::npos);
  }
}

}  // namespace
}  // namespace faultline::app
