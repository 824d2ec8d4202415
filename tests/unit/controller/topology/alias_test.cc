#include "controller/topology/alias.h"

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/unit/controller/topology/fabric.h"

namespace faultline::topology {
namespace {

bool same(const AliasResolver& aliases, const IpAddress& left, const IpAddress& right) {
  return aliases.device_of(left) == aliases.device_of(right);
}

TEST_CASE("the mate differs in the last bit, in both families", "[topology]") {
  CHECK(mate_of(address("10.0.0.4")) == address("10.0.0.5"));
  CHECK(mate_of(address("10.0.0.5")) == address("10.0.0.4"));
  CHECK(mate_of(address("2001:db8::a")) == address("2001:db8::b"));
}

TEST_CASE("the traces of a whole fabric give exactly its devices", "[topology]") {
  const Fabric fabric{.leaves = 3, .spines = 4, .hosts = 2, .cables = 2};
  AliasResolver aliases;
  for (const auto& [reporter, path] : fabric.traces()) aliases.learn(path.hops, std::nullopt);
  REQUIRE(aliases.settle());
  CHECK(aliases.conflicts().empty());

  std::vector<std::vector<IpAddress>> truth;
  for (std::uint32_t leaf = 0; leaf < 3; ++leaf) {
    std::vector<IpAddress> interfaces;
    for (std::uint32_t s = 0; s < 4; ++s) {
      for (std::uint32_t c = 0; c < 2; ++c) interfaces.push_back(Fabric::uplink(leaf, s, c));
    }
    for (std::uint32_t h = 0; h < 2; ++h) interfaces.push_back(Fabric::gateway(leaf, h));
    truth.push_back(interfaces);
  }
  for (std::uint32_t s = 0; s < 4; ++s) {
    std::vector<IpAddress> interfaces;
    for (std::uint32_t leaf = 0; leaf < 3; ++leaf) {
      for (std::uint32_t c = 0; c < 2; ++c) interfaces.push_back(Fabric::downlink(leaf, s, c));
    }
    truth.push_back(interfaces);
  }
  for (auto& interfaces : truth) std::ranges::sort(interfaces);
  std::ranges::sort(truth);
  CHECK(aliases.devices() == truth);
}

TEST_CASE("a silent hop teaches nothing about its neighbors", "[topology]") {
  AliasResolver aliases;
  aliases.learn(hops({"10.0.0.1", "*", "10.0.1.1"}), std::nullopt);
  aliases.settle();
  CHECK(aliases.devices().size() == 2);
  CHECK(!same(aliases, address("10.0.0.1"), address("10.0.1.0")));
}

TEST_CASE("hops of one path are never one device, and the contradiction is shown", "[topology]") {
  AliasResolver aliases;
  // The second hop answers from a loopback whose neighbor in number is the third hop's loopback.
  aliases.learn(hops({"10.0.0.1", "10.255.0.2", "10.255.0.3"}), std::nullopt);
  aliases.settle();
  CHECK(!same(aliases, address("10.0.0.1"), address("10.255.0.3")));
  REQUIRE(aliases.conflicts().size() == 1);
  CHECK(aliases.conflicts()[0] == AliasConflict{address("10.0.0.1"), address("10.255.0.3"),
                                                address("10.0.0.1"), address("10.255.0.3")});
  CHECK(to_string(aliases.conflicts()[0]).find("10.255.0.3") != std::string::npos);
}

TEST_CASE("devices that are declared apart stay apart", "[topology]") {
  AliasResolver aliases;
  const IpAddress left[] = {address("10.0.0.1"), address("10.9.9.9")};
  const IpAddress right[] = {address("10.0.1.0")};
  aliases.declare(left, Declared::kOpen);
  aliases.declare(right, Declared::kOpen);
  aliases.learn(hops({"10.0.0.1", "10.0.1.1"}), std::nullopt);
  aliases.settle();
  CHECK(same(aliases, address("10.0.0.1"), address("10.9.9.9")));
  CHECK(!same(aliases, address("10.0.0.1"), address("10.0.1.0")));
  CHECK(aliases.conflicts().size() == 1);
}

TEST_CASE("traces add addresses to a declared device, but never to a node", "[topology]") {
  AliasResolver aliases;
  const IpAddress device[] = {address("10.0.0.1")};
  const IpAddress node[] = {address("10.5.0.6")};
  aliases.declare(device, Declared::kOpen);
  aliases.declare(node, Declared::kClosed);
  aliases.learn(hops({"10.0.0.1", "10.0.1.1"}), std::nullopt);
  aliases.learn(hops({"10.0.7.1", "10.5.0.7"}), std::nullopt);  // a /24 with the node in it
  aliases.settle();
  CHECK(same(aliases, address("10.0.0.1"), address("10.0.1.0")));
  CHECK(!same(aliases, address("10.0.7.1"), address("10.5.0.6")));
  CHECK(aliases.conflicts().empty());
}

TEST_CASE("the mate of the far end counts once it has answered itself", "[topology]") {
  AliasResolver aliases;
  aliases.learn(hops({"10.2.0.0"}), address("10.2.0.3"));  // host 10.2.0.1 to host 10.2.0.3
  aliases.settle();
  CHECK(!same(aliases, address("10.2.0.0"), address("10.2.0.2")));
  aliases.learn(hops({"10.2.0.2"}), address("10.2.0.1"));  // and back
  aliases.settle();
  CHECK(same(aliases, address("10.2.0.0"), address("10.2.0.2")));
}

TEST_CASE("the order of traces does not matter, not even with contradictions", "[topology]") {
  auto paths = Fabric{.leaves = 3, .spines = 2}.traces();
  PathRecord odd;
  odd.hops = hops({"10.2.0.0", "10.255.0.2", "10.255.0.3", "10.1.1.1"});
  paths.emplace_back(NodeId{1}, odd);
  AliasResolver forward;
  AliasResolver backward;
  for (const auto& [reporter, path] : paths) forward.learn(path.hops, std::nullopt);
  std::ranges::reverse(paths);
  for (const auto& [reporter, path] : paths) backward.learn(path.hops, std::nullopt);
  forward.settle();
  backward.settle();
  CHECK(forward.devices() == backward.devices());
  CHECK(forward.conflicts() == backward.conflicts());
  CHECK(!forward.conflicts().empty());
}

TEST_CASE("settling again without news changes nothing", "[topology]") {
  AliasResolver aliases;
  aliases.learn(hops({"10.0.0.1", "10.0.1.1"}), std::nullopt);
  CHECK(aliases.settle());
  aliases.learn(hops({"10.0.0.1", "10.0.1.1"}), std::nullopt);
  CHECK(!aliases.settle());
}

}  // namespace
}  // namespace faultline::topology
