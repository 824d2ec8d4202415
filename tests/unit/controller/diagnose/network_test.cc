#include "controller/diagnose/network.h"

#include "tests/support/catch.h"

namespace faultline::diagnose {
namespace {

facts::Prefix prefix(const char* address, std::uint8_t length) {
  return {*IpAddress::parse(address), length};
}

TEST_CASE("a network is its prefix without host bits, and holds what begins alike", "[diagnose]") {
  CHECK(network_of(prefix("10.1.2.3", 20)) == prefix("10.1.0.0", 20));
  CHECK(network_of(prefix("10.1.2.3", 0)) == prefix("0.0.0.0", 0));
  CHECK(network_of(prefix("10.1.2.3", 32)) == prefix("10.1.2.3", 32));
  CHECK(network_of(prefix("2001:db8::ffff", 65)) == prefix("2001:db8::", 65));
  CHECK(contains(prefix("10.1.0.0", 20), *IpAddress::parse("10.1.15.255")));
  CHECK_FALSE(contains(prefix("10.1.0.0", 20), *IpAddress::parse("10.1.16.0")));
  CHECK_FALSE(contains(prefix("0.0.0.0", 0), *IpAddress::parse("::1")));
}

facts::Interface interface(const char* name, const char* kind, const char* master = nullptr) {
  facts::Interface result{.name = name, .kind = kind, .up = true};
  if (master != nullptr) result.master = master;
  return result;
}

TEST_CASE("a bridge leads out by a NIC and not by virtual machines", "[diagnose]") {
  facts::Facts facts;
  facts.interfaces.emplace().items = {
      interface("eth0", "", "br0"),        interface("br0", "bridge"),
      interface("docker0", "bridge"),      interface("veth1", "veth", "docker0"),
      interface("tap0", "tun", "docker0"), interface("lo", "")};
  facts.interfaces->items[3].peer_elsewhere = true;
  facts.interfaces->items[5].loopback = true;
  const auto out = [&](const char* name) { return leads_out(facts, *find_interface(facts, name)); };
  CHECK(out("eth0"));
  CHECK(out("br0"));
  CHECK_FALSE(out("docker0"));
  CHECK_FALSE(out("veth1"));
  CHECK_FALSE(out("tap0"));
  CHECK_FALSE(out("lo"));
  // In a namespace or container the end of a veth is the NIC.
  facts.interfaces->items[3].master.reset();
  CHECK(out("veth1"));
  // A tap is the NIC of a guest that has its gateway behind it, and of nobody else.
  facts.interfaces->items[4].master.reset();
  facts.interfaces->items[4].mac = "52:54:00:00:00:01";
  CHECK_FALSE(out("tap0"));
  facts.routes.emplace().items = {
      {.destination = prefix("0.0.0.0", 0),
       .next_hops = {{.gateway = *IpAddress::parse("10.0.0.1"), .interface = "tap0"}}}};
  CHECK(out("tap0"));
}

TEST_CASE("the longest route of the main table is taken, and of equals the one of lower metric",
          "[diagnose]") {
  facts::Facts facts;
  const auto route = [](facts::Prefix to, std::uint32_t metric, std::uint32_t table = 254) {
    return facts::Route{.table = table, .type = "unicast", .destination = to, .metric = metric};
  };
  facts.routes.emplace().items = {route(prefix("0.0.0.0", 0), 0), route(prefix("10.0.0.0", 8), 50),
                                  route(prefix("10.0.0.0", 8), 20),
                                  route(prefix("10.1.0.0", 16), 0, 100)};
  CHECK(lookup(facts, *IpAddress::parse("10.1.2.3"))->metric == 20);
  CHECK(lookup(facts, *IpAddress::parse("192.0.2.1"))->destination.length == 0);
  CHECK(lookup(facts, *IpAddress::parse("::1")) == nullptr);
  CHECK(default_route(facts, true)->destination == prefix("0.0.0.0", 0));
  CHECK(default_route(facts, false) == nullptr);
}

}  // namespace
}  // namespace faultline::diagnose
