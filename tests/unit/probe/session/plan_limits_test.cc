#include "probe/session/plan_limits.h"

#include <string>

#include "tests/support/catch.h"

namespace faultline::session {
namespace {

const LocalSide kLocal{
    .address = IpAddress::v4(0x0a000001), .source_port_first = 47000, .source_port_count = 16};

Plan plan() {
  Plan result;
  PlanPeer peer;
  peer.name = "b";
  peer.address = IpAddress::v4(0x0a000002);
  result.peers = {peer};
  result.flows = {{.peer = 0, .source_port = 47000}, {.peer = 0, .source_port = 47015}};
  return result;
}

std::string refusal(const Plan& candidate) {
  const auto status = validate_plan(candidate, kLocal);
  return status ? "" : status.error().context;
}

}  // namespace

TEST_CASE("a plan within the limits is accepted", "[session]") {
  CHECK(refusal(plan()).empty());
  CHECK(refusal(Plan{}).empty());
}

TEST_CASE("a plan beyond a limit is refused with the field and the limit", "[session]") {
  auto p = plan();
  p.window = std::chrono::milliseconds{500};
  CHECK(refusal(p) == "the plan's window of 500ms is not within 1s to 1m");
  p = plan();
  p.packets_per_second_max = kPacketsPerSecondMax + 1;
  CHECK(refusal(p).find("packets per second") != std::string::npos);
  p = plan();
  p.flows[1].source_port = 47016;
  CHECK(refusal(p).find("source port 47016") != std::string::npos);
  p = plan();
  p.flows[1].peer = 1;
  CHECK(refusal(p).find("a peer that the plan does not have") != std::string::npos);
  p = plan();
  p.peers[0].address = *IpAddress::parse("::1");
  CHECK(refusal(p).find("cannot go from 10.0.0.1 to [::1]:862") != std::string::npos);
  p = plan();
  p.flows[1] = p.flows[0];
  CHECK(refusal(p) == "the plan lists one flow twice");
  p = plan();
  p.packets_per_second_max = 0;
  CHECK(refusal(p).find("no packets per second") != std::string::npos);
}

TEST_CASE("a plan whose packets would not fit in memory is refused", "[session]") {
  auto p = plan();
  p.window = kWindowMax;
  p.flow_interval = kFlowIntervalMin;
  p.flows.clear();
  for (std::uint16_t i = 0; i < 16; ++i) {
    p.flows.push_back({.peer = 0, .source_port = static_cast<std::uint16_t>(47000 + i)});
  }
  CHECK(refusal(p).empty());
  p.peers.push_back(p.peers[0]);
  p.peers[1].address = IpAddress::v4(0x0a000003);
  p.flows.push_back({.peer = 1, .source_port = 47000});
  CHECK(refusal(p).find("packets in open windows") != std::string::npos);
}

// Flows on all ports to each of so many peers.
Plan wide_plan(std::uint32_t peers, std::uint16_t size = 0) {
  auto p = plan();
  p.flows.clear();
  p.peers.clear();
  for (std::uint32_t i = 0; i < peers; ++i) {
    PlanPeer peer;
    peer.name = "b" + std::to_string(i);
    peer.address = IpAddress::v4(0x0a000002 + i);
    p.peers.push_back(peer);
    for (std::uint16_t port = 0; port < 16; ++port) {
      p.flows.push_back(
          {.peer = i, .source_port = static_cast<std::uint16_t>(47000 + port), .size = size});
    }
  }
  p.packets_per_second_max = kPacketsPerSecondMax;
  return p;
}

TEST_CASE("a plan that would flood one host is refused, however it lists the host", "[session]") {
  auto p = wide_plan(1);
  p.window = kWindowMin;
  p.flow_interval = kFlowIntervalMin;
  CHECK(refusal(p).empty());  // 1,600 packets per second
  for (std::uint16_t port = 0; port < 5; ++port) {
    auto again = p.peers[0];
    again.reflector_port = static_cast<std::uint16_t>(9000 + port);
    p.flows.push_back({.peer = static_cast<std::uint32_t>(p.peers.size()), .source_port = 47000});
    p.peers.push_back(again);
  }
  CHECK(refusal(p) == "the plan wants more than 2000 packets per second to b0");
  for (auto& peer : p.peers) peer.address = IpAddress::v4(0x7f000001);
  CHECK(validate_plan(
      p,
      {.address = IpAddress::v4(0x7f000002), .source_port_first = 47000, .source_port_count = 16}));
}

TEST_CASE("a plan that would send too many bytes is refused, with as many packets it is not",
          "[session]") {
  auto p = wide_plan(100);
  p.window = kWindowMin;
  p.flow_interval = std::chrono::milliseconds{100};  // 16,000 packets per second
  CHECK(refusal(p).empty());
  CHECK(refusal([&] {
          auto large = wide_plan(100, 1500);
          large.window = kWindowMin;
          large.flow_interval = p.flow_interval;
          return large;
        }()) == "the plan wants 24000000 bytes per second, more than 12500000");
  p.packets_per_second_per_group_max = kPacketsPerSecondPerGroupMax + 1;
  CHECK(refusal(p).find("packets per second and group") != std::string::npos);
}

TEST_CASE("the octets that a class adds to a small packet count", "[session]") {
  auto p = wide_plan(50);
  p.window = kWindowMin;
  p.flow_interval = kFlowIntervalMin;  // 80,000 packets per second
  p.reply_timeout = std::chrono::milliseconds{100};
  for (auto& peer : p.peers) peer.authenticates = true;
  CHECK(refusal(p).empty());  // of 140 bytes
  for (auto& flow : p.flows) flow.dscp = 46;
  CHECK(refusal(p) == "the plan wants 13440000 bytes per second, more than 12500000");  // of 168
  for (auto& peer : p.peers) peer.authenticates = false;
  CHECK(refusal(p).empty());  // of 80
}

TEST_CASE("a boost that would flood one host is refused", "[session]") {
  auto p = wide_plan(1);
  p.window = kWindowMin;
  p.flow_interval = std::chrono::milliseconds{100};
  // As if it had more ports, for a flow has at most 100 packets per second.
  for (std::uint16_t port = 16; port < 20; ++port) {
    p.flows.push_back({.peer = 0, .source_port = static_cast<std::uint16_t>(47000 + port)});
  }
  Boost boost{.plan = p.revision, .life = std::chrono::seconds{10}, .flows = {}};
  for (std::uint32_t i = 0; i < 20; ++i) boost.flows.push_back({.flow = i, .times = 10});
  CHECK(validate_boost(boost, p));  // 2,000
  p.flows.push_back({.peer = 0, .source_port = 47020});
  const auto refused = validate_boost(boost, p);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().context == "the plan wants more than 2000 packets per second to b0");
}

}  // namespace faultline::session
