// A flow whose path has changed tries large packets: each direction of a real path by itself.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "tests/integration/probe_engine_netns/chain.h"

namespace faultline::engine {
namespace {

constexpr std::uint16_t kLargePacket = 1500;

// What the next window says of a flow.
FlowWindow next_window(Node& node, std::uint16_t source_port) {
  for (;;) {
    const auto flows = node.next<WindowClosed>().report.flows;
    const auto found = std::ranges::find(flows, source_port, &FlowWindow::source_port);
    if (found != flows.end()) return *found;
  }
}

// The next window in which the small flow was large; small packets pass in those before it.
FlowWindow next_checked(Node& node) {
  for (;;) {
    const auto window = next_window(node, kSourcePort);
    if (window.size != 0) return window;
    CHECK(window.answered() == window.sent);
  }
}

bool is_whole(const FlowWindow& window) {
  return window.sent > 0 && window.answered() == window.sent;
}

}  // namespace

TEST_CASE("after a change of path large packets are tried, and the way that swallows them is told",
          "[engine][netns][mtu]") {
  std::optional<Chain> chain;
  if (!make_chain(chain)) return;
  auto plan = plan_to(kB, 2);
  plan.flows[1].size = kLargePacket;
  Ends ends(*chain, std::move(plan));
  auto& a = ends.a;
  while (!is_whole(next_window(a, kSourcePort + 1))) {
  }
  for (const bool forward : {false, true}) {
    CAPTURE(forward);
    // Less fits on this way alone, and who drops it does not say so.
    const auto* const router = forward ? "r1" : "r2";
    const auto via =
        fmt::format("ip route change default via {}", forward ? "10.99.2.2" : "10.99.2.1");
    const auto* const silence = "OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP";
    chain->in(router, via + " mtu 1400");
    chain->in(router, fmt::format("iptables -A {}", silence));
    REQUIRE(chain->made());
    a.post(CheckSize{.target = NodeId{2}, .source_port = kSourcePort});
    const auto checked = next_checked(a);
    CAPTURE(checked.sent, checked.lost_forward, checked.lost_return, checked.lost_undetermined);
    CHECK(checked.size == kLargePacket);
    CHECK((forward ? checked.lost_forward : checked.lost_return) == checked.sent);
    chain->in(router, via);
    chain->in(router, fmt::format("iptables -D {}", silence));
    REQUIRE(chain->made());
    while (!is_whole(next_checked(a))) {  // it is asked until they pass
    }
    CHECK(next_window(a, kSourcePort).size == 0);
  }
}

}  // namespace faultline::engine
