#include "controller/diagnose/witnesses.h"

#include <fmt/format.h>

#include "tests/support/catch.h"

namespace faultline::diagnose {
namespace {

using Names = std::vector<std::string>;

IpAddress address(const std::string& text) { return *IpAddress::parse(text); }

NodeFacts node(const std::string& name, const std::string& own) {
  NodeFacts node{.node = name};
  node.facts.addresses.emplace().items = {
      {.interface = "eth0", .prefix = {address(own), 24}, .scope = "global"}};
  return node;
}

Inputs question(const std::string& a, const std::string& b) {
  Inputs inputs;
  inputs.a = {.name = "a", .probe = ProbeState::kLive, .address = address(a)};
  inputs.b = {.name = "b", .probe = ProbeState::kLive, .address = address(b)};
  inputs.facts = {node("a", a), node("b", b)};
  return inputs;
}

TEST_CASE("who shares a network with an end is asked, and nobody else", "[diagnose]") {
  auto inputs = question("10.0.1.1", "10.0.2.1");
  for (const auto* own : {"10.0.1.9", "10.0.2.9", "10.0.3.9"}) {
    inputs.facts.push_back(node(own, own));
  }
  CHECK(witnesses(inputs) == Names{"10.0.1.9", "10.0.2.9"});
}

TEST_CASE("an address without a probe is told by those in whose network it is", "[diagnose]") {
  auto inputs = question("10.0.1.1", "10.0.2.1");
  inputs.facts.pop_back();
  inputs.b = {.name = "10.0.2.1", .address = address("10.0.2.1")};
  inputs.facts.push_back(node("h9", "10.0.2.9"));
  CHECK(witnesses(inputs) == Names{"h9"});
}

TEST_CASE("the other end of a tunnel comes before who shares a network", "[diagnose]") {
  auto inputs = question("10.0.1.1", "10.0.2.1");
  inputs.facts.push_back(node("near", "10.0.1.9"));
  inputs.facts.push_back(node("far", "10.7.7.7"));
  inputs.facts[0].facts.interfaces.emplace().items = {
      {.name = "vx0", .kind = "vxlan", .vxlan = facts::Vxlan{.remote = address("10.7.7.7")}}};
  CHECK(witnesses(inputs) == Names{"far", "near"});
}

TEST_CASE("a large segment is not asked whole", "[diagnose]") {
  auto inputs = question("10.0.1.1", "10.0.1.2");
  for (int i = 3; i < 200; ++i) {
    const auto own = fmt::format("10.0.1.{}", i);
    inputs.facts.push_back(node(own, own));
  }
  CHECK(witnesses(inputs).size() == kWitnessesMax);
}

}  // namespace
}  // namespace faultline::diagnose
