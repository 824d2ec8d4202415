#include "controller/diagnose/placement.h"

#include <fmt/format.h>

#include "controller/diagnose/diagnosis.h"
#include "tests/support/catch.h"

namespace faultline::diagnose {
namespace {

// A node as its facts describe it, piece by piece.
class Builder {
 public:
  explicit Builder(const char* name) : node_{.node = name} {
    auto& facts = node_.facts;
    facts.interfaces.emplace();
    facts.addresses.emplace();
    facts.routes.emplace();
    facts.neighbors.emplace();
    facts.bridge_entries.emplace();
  }

  facts::Interface& link(const char* name, const char* kind, const char* mac,
                         const char* master = nullptr) {
    auto& items = node_.facts.interfaces->items;
    items.push_back({.name = name, .kind = kind, .up = true, .mac = mac});
    items.back().peer_elsewhere = items.back().kind == "veth" || items.back().kind == "macvlan";
    if (master != nullptr) items.back().master = master;
    node_.facts.interfaces->total = items.size();
    return items.back();
  }
  Builder& address(const char* interface, const char* address) {
    node_.facts.addresses->items.push_back(
        {.interface = interface, .prefix = {*IpAddress::parse(address), 24}, .scope = "global"});
    return *this;
  }
  Builder& gateway(const char* interface, const char* address) {
    node_.facts.routes->items.push_back(
        {.type = "unicast",
         .destination = {*IpAddress::parse("0.0.0.0"), 0},
         .next_hops = {{.gateway = *IpAddress::parse(address), .interface = interface}}});
    return *this;
  }
  Builder& neighbor(const char* interface, const char* address, const char* mac) {
    const bool failed = mac == nullptr;
    node_.facts.neighbors->items.push_back({.address = *IpAddress::parse(address),
                                            .interface = interface,
                                            .state = failed ? "failed" : "reachable"});
    if (!failed) node_.facts.neighbors->items.back().mac = mac;
    return *this;
  }
  Builder& learned(const char* bridge, const char* port, const char* mac) {
    node_.facts.bridge_entries->items.push_back({bridge, port, mac});
    return *this;
  }
  NodeFacts take() { return std::move(node_); }

 private:
  NodeFacts node_;
};

constexpr const char* kHostMac = "02:00:00:00:00:01";
constexpr const char* kGuestMac = "52:54:00:00:00:0a";
constexpr const char* kTapMac = "fe:54:00:00:00:0a";
constexpr const char* kGatewayMac = "02:00:00:00:00:fe";

NodeFacts guest(const char* address, const char* gateway, const char* kind = "") {
  Builder vm("vm");
  vm.link("eth0", kind, kGuestMac);
  vm.address("eth0", address);
  if (gateway != nullptr) vm.gateway("eth0", gateway);
  return vm.take();
}

// A host with a guest's tap in a bridge, with or without its NIC in it.
Builder host(const char* bridge_address, bool with_nic, std::int64_t forwarding) {
  Builder host("kvm1");
  host.link("eth0", "", kHostMac, with_nic ? "br0" : nullptr);
  host.link("br0", "bridge", kHostMac).forwarding = forwarding;
  host.link("vnet0", "tun", kTapMac, "br0");
  host.address("br0", bridge_address);
  return host;
}

std::string shape(const std::vector<Placement>& placements) {
  std::string text;
  for (const auto& each : placements) {
    text += fmt::format("{}/{} {} {}/{}/{} {}\n", each.vm, each.nic, to_string(each.attachment),
                        each.host, each.bridge, each.port, each.proven ? "proven" : "likely");
    CHECK_FALSE(each.evidence.empty());
  }
  return text;
}

TEST_CASE("a VM is found by its tap, and its mode by where the bridge leads", "[diagnose]") {
  CHECK(shape(place({host("10.0.0.1", true, 0).take(), guest("10.0.0.10", "10.0.0.254")})) ==
        "vm/eth0 bridged kvm1/br0/vnet0 proven\n");
  CHECK(shape(place(
            {host("192.168.122.1", false, 1).take(), guest("192.168.122.10", "192.168.122.1")})) ==
        "vm/eth0 nat kvm1/br0/vnet0 proven\n");
  auto router = host("192.168.122.1", false, 1).take();
  router.facts.firewall.emplace();  // read, and it translates nothing
  CHECK(shape(place({router, guest("192.168.122.10", "192.168.122.1")})) ==
        "vm/eth0 routed kvm1/br0/vnet0 proven\n");
  CHECK(shape(place({host("192.168.122.1", false, 1).take(), guest("192.168.122.10", nullptr)})) ==
        "vm/eth0 isolated kvm1/br0/vnet0 proven\n");
  CHECK(shape(place(
            {host("192.168.122.1", false, 0).take(), guest("192.168.122.10", "192.168.122.1")})) ==
        "vm/eth0 isolated kvm1/br0/vnet0 proven\n");
  auto overlay = host("10.9.0.1", false, 0);
  overlay.link("vx0", "vxlan", "02:00:00:00:00:02", "br0").vxlan.emplace();
  CHECK(shape(place({overlay.take(), guest("10.9.0.10", nullptr)})) ==
        "vm/eth0 overlay kvm1/br0/vnet0 proven\n");
}

TEST_CASE("a bridge's table finds a container, and the port to the gateway is the way out",
          "[diagnose]") {
  Builder host("kvm1");
  host.link("eth0", "veth", "02:00:00:00:00:03", "br0");  // its own cable is virtual, too
  host.link("veth7", "veth", "02:00:00:00:00:04", "br0");
  host.link("br0", "bridge", kHostMac);
  host.address("br0", "10.0.0.1").gateway("br0", "10.0.0.254");
  host.neighbor("br0", "10.0.0.254", kGatewayMac);
  host.learned("br0", "eth0", kGatewayMac).learned("br0", "eth0", "02:00:00:00:00:77");
  host.learned("br0", "veth7", kGuestMac);
  Builder other("h2");  // a machine of the same network, behind the way out
  other.link("eth0", "", "02:00:00:00:00:77");
  CHECK(shape(place({host.take(), guest("10.0.0.10", "10.0.0.254", "veth"), other.take()})) ==
        "vm/eth0 bridged kvm1/br0/veth7 proven\n");
}

TEST_CASE("a macvtap is found by its MAC, a macvlan's host by who does not hear it", "[diagnose]") {
  Builder host("kvm1");
  host.link("eth0", "", kHostMac);
  host.link("macvtap0", "macvtap", kGuestMac).lower = "eth0";
  host.address("eth0", "10.0.0.1");
  const auto with_macvtap = place({host.take(), guest("10.0.0.10", "10.0.0.254")});
  CHECK(shape(with_macvtap) == "vm/eth0 macvtap kvm1//macvtap0 proven\n");
  CHECK(with_macvtap[0].uplink == "eth0");

  Builder bare("kvm1");
  bare.link("eth0", "", kHostMac);
  bare.address("eth0", "10.0.0.1").neighbor("eth0", "10.0.0.10", nullptr);
  Builder other("h2");
  other.link("eth0", "", "02:00:00:00:00:77");
  other.address("eth0", "10.0.0.2").neighbor("eth0", "10.0.0.10", kGuestMac);
  const std::vector<NodeFacts> fleet{bare.take(), guest("10.0.0.10", "10.0.0.254", "macvlan"),
                                     other.take()};
  CHECK(shape(place(fleet)) == "vm/eth0 macvlan kvm1// likely\n");
  // Two that are deaf: which of them is the host cannot be told.
  auto both = fleet;
  both[2].facts.neighbors->items[0].state = "failed";
  both[2].facts.neighbors->items[0].mac.reset();
  CHECK(shape(place(both)) == "vm/eth0 macvlan // likely\n");
}

TEST_CASE("a macvlan's host is whose NIC takes frames for it, whoever is deaf", "[diagnose]") {
  Builder under("kvm1");
  under.link("eth0", "", kHostMac);
  under.address("eth0", "10.0.0.1").learned("", "eth0", kGuestMac);
  Builder deaf("h2");
  deaf.link("eth0", "", "02:00:00:00:00:77");
  deaf.address("eth0", "10.0.0.2").neighbor("eth0", "10.0.0.10", nullptr);
  const std::vector<NodeFacts> fleet{under.take(), guest("10.0.0.10", "10.0.0.254", "macvlan"),
                                     deaf.take()};
  const auto placements = place(fleet);
  CHECK(shape(placements) == "vm/eth0 macvlan kvm1// proven\n");
  CHECK(placements[0].uplink == "eth0");
  CHECK(by_design(placements, "kvm1", "vm"));
  CHECK_FALSE(by_design(placements, "h2", "vm"));
}

// A host whose bridge was meant to lead out, by the rule that translates.
NodeFacts translating_host(std::int64_t forwarding) {
  auto router = host("192.168.122.1", false, forwarding).take();
  router.facts.firewall.emplace().translations = {.items = {{.verdict = "masquerade"}}, .total = 1};
  return router;
}

TEST_CASE("a host that translates and forwards no more has a fault, not a design", "[diagnose]") {
  const auto vm = guest("192.168.122.10", "192.168.122.1");
  CHECK(shape(place({translating_host(1), vm})) == "vm/eth0 nat kvm1/br0/vnet0 proven\n");
  CHECK(shape(place({translating_host(0), vm})) == "vm/eth0 nat kvm1/br0/vnet0 proven\n");
}

TEST_CASE("a MAC that two nodes have places nobody", "[diagnose]") {
  Builder twin("twin");
  twin.link("eth0", "", kGuestMac);
  CHECK(
      place({host("10.0.0.1", true, 0).take(), guest("10.0.0.10", nullptr), twin.take()}).empty());
}

Placement at(const char* vm, const char* host, Attachment attachment, const char* bridge = "br0") {
  return {.vm = vm, .nic = "eth0", .host = host, .attachment = attachment, .bridge = bridge};
}

// "there back", each 1 where it is kept from; empty: they should hear each other.
std::string kept(const std::vector<Placement>& placements, const char* a, const char* b) {
  const auto found = by_design(placements, a, b);
  return found ? fmt::format("{:d}{:d}", found->there, found->back) : "";
}

TEST_CASE("what is unreachable by design is told, with its direction", "[diagnose]") {
  const std::vector<Placement> placements{at("nat1", "kvm1", Attachment::kNat),
                                          at("nat2", "kvm1", Attachment::kNat),
                                          at("natother", "kvm2", Attachment::kNat),
                                          at("cell", "kvm1", Attachment::kIsolated, "br9"),
                                          at("tap", "kvm1", Attachment::kMacvtap, ""),
                                          at("over1", "kvm1", Attachment::kOverlay, "ov"),
                                          at("over2", "kvm2", Attachment::kOverlay, ""),
                                          at("plain", "kvm1", Attachment::kBridged)};
  CHECK(kept(placements, "h9", "nat1") == "10");  // nobody calls it
  CHECK(kept(placements, "nat1", "h9") == "01");  // it calls whom it likes
  CHECK(kept(placements, "kvm1", "nat1").empty());
  CHECK(kept(placements, "nat1", "nat2").empty());  // one bridge
  CHECK(kept(placements, "nat1", "natother") == "10");
  CHECK(kept(placements, "h9", "cell") == "11");
  CHECK(kept(placements, "cell", "kvm1").empty());
  CHECK(kept(placements, "tap", "kvm1") == "11");
  CHECK(kept(placements, "kvm1", "tap") == "11");
  CHECK(kept(placements, "h9", "tap").empty());
  CHECK(kept(placements, "over1", "over2").empty());
  CHECK(kept(placements, "over1", "h9") == "11");
  CHECK(kept(placements, "h9", "plain").empty());
  CHECK(kept(placements, "h9", "h8").empty());
}

Session session(std::uint64_t lost) {
  return {.now = {.sent = 40, .lost_undetermined = lost}, .minute = {.sent = 40}};
}

TEST_CASE("a pair kept apart by design is no fault, unless it works or more is dead than that",
          "[diagnose]") {
  Inputs inputs;
  inputs.a.name = "h9";
  inputs.b.name = "vm";
  inputs.facts = {host("192.168.122.1", false, 1).take(), guest("192.168.122.10", "192.168.122.1")};
  inputs.by_a = session(40);
  inputs.by_b = session(0);  // it may call, and nobody may call it
  const auto diagnosis = diagnose(inputs);
  CHECK(diagnosis.verdict.code == "unreachable_by_design");
  CHECK(diagnosis.verdict.level == Level::kOk);
  CHECK(diagnosis.verdict.sentence.find("behind kvm1's NAT") != std::string::npos);
  inputs.by_b = session(40);  // nor does it get out any more
  CHECK(diagnose(inputs).verdict.code != "unreachable_by_design");
  // It gets out in its host's name, and is refused for not being the host.
  inputs.facts.push_back({.node = "h9"});
  auto& heard = inputs.facts.back().facts.heard.emplace();
  const auto hosts = *IpAddress::parse("192.168.122.1");
  heard = {.items = {{.address = hosts, .refused = true, .packets = 40}}, .total = 1};
  CHECK(diagnose(inputs).verdict.code == "unreachable_by_design");
  heard.items[0].last_at -= std::chrono::minutes{5};
  CHECK(diagnose(inputs).verdict.code != "unreachable_by_design");
  inputs.by_a = session(0);
  inputs.by_b = session(0);  // whatever the facts say, it works
  CHECK(diagnose(inputs).verdict.code != "unreachable_by_design");
}

}  // namespace
}  // namespace faultline::diagnose
