#include "probe/session/plan_limits.h"

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

}  // namespace faultline::session
