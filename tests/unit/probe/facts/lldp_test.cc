#include "probe/facts/lldp.h"

#include "tests/support/catch.h"

namespace faultline::probe_facts {
namespace {

// The form of lldpcli(8)'s manual: one neighbor is an object, several are a list.
constexpr const char* kOne = R"({"lldp": {"interface": {"eth0": {
  "via": "LLDP", "rid": "1", "age": "0 day, 00:01:02",
  "chassis": {"leaf1": {"id": {"type": "mac", "value": "00:1c:73:00:00:01"}, "descr": "a switch"}},
  "port": {"id": {"type": "ifname", "value": "Ethernet4"}, "descr": "to h1", "mfs": "9236", "ttl": "120"},
  "vlan": {"vlan-id": "100", "pvid": true, "value": "prod"}}}}})";
constexpr const char* kTwo = R"({"lldp": {"interface": [
  {"eth0": {"chassis": {"id": {"type": "mac", "value": "00:1c:73:00:00:02"}}, "port": {"id": {"value": "7"}},
            "vlan": [{"vlan-id": "10", "pvid": false}, {"vlan-id": "20", "pvid": true}, {"vlan-id": "9999"}]}},
  {"eth1": {"chassis": {"leaf2": {}}, "port": {}}}]}})";

TEST_CASE("one LLDP neighbor is told with port, VLAN and frame size", "[facts]") {
  CHECK(parse_lldp(kOne) ==
        std::vector<facts::LldpNeighbor>{
            {"eth0", "leaf1", "Ethernet4", "to h1", {100}, std::uint16_t{100}, 9236U}});
}

TEST_CASE("several are told, each with what it has", "[facts]") {
  CHECK(parse_lldp(kTwo) ==
        std::vector<facts::LldpNeighbor>{
            {"eth0",
             "00:1c:73:00:00:02",
             "7",
             std::nullopt,
             {10, 20},
             std::uint16_t{20},
             std::nullopt},
            {"eth1", "leaf2", "", std::nullopt, {}, std::nullopt, std::nullopt}});
}

// As lldpd 1.0.16 on Linux tells of its like: nothing is configured, so that the port's id is a
// MAC.
constexpr const char* kLinux = R"({"lldp": {"interface": {"v0": {
  "via": "LLDP", "rid": "1", "age": "0 day, 00:00:03",
  "chassis": {"node-b": {"id": {"type": "mac", "value": "5a:33:5d:a4:60:63"}, "descr": "Debian GNU/Linux 12",
    "capability": [{"type": "Bridge", "enabled": false}, {"type": "Station", "enabled": true}]}},
  "port": {"id": {"type": "mac", "value": "5a:33:5d:a4:60:63"}, "descr": "p0", "ttl": "120",
    "auto-negotiation": {"supported": false, "enabled": false, "current": "10GbaseT"}}}}}})";

TEST_CASE("a port that has a MAC address for its id is told by its description", "[facts]") {
  CHECK(parse_lldp(kLinux) == std::vector<facts::LldpNeighbor>{
                                  {"v0", "node-b", "p0", "p0", {}, std::nullopt, std::nullopt}});
}

TEST_CASE("no neighbor is an empty list, and something else is refused", "[facts]") {
  CHECK(parse_lldp("{\"lldp\": {}}") == std::vector<facts::LldpNeighbor>{});
  CHECK(parse_lldp("{\"lldp\": {\"interface\": [1, null, {\"eth0\": 3}]}}") ==
        std::vector<facts::LldpNeighbor>{});
  CHECK_FALSE(parse_lldp("unable to connect to socket"));
  CHECK_FALSE(parse_lldp("[]"));
}

}  // namespace
}  // namespace faultline::probe_facts
