// While replies are lost the far end tells what it has received.
#include <fmt/format.h>

#include "common/async/clock.h"
#include "tests/integration/probe_engine_netns/chain.h"

namespace faultline::engine {
namespace {

FlowWindow sum_of(const Report& report) {
  FlowWindow sum;
  for (const auto& flow : report.flows) {
    sum.sent += flow.sent;
    sum.lost_forward += flow.lost_forward;
    sum.lost_return += flow.lost_return;
    sum.lost_undetermined += flow.lost_undetermined;
  }
  return sum;
}

// The next window of `asker`, whose questions `asked` answers as over the mesh.
Report window_with_answers(Node& asker, Node& asked) {
  for (;;) {
    auto event = asker.any();
    if (auto* window = std::get_if<WindowClosed>(&event)) return std::move(window->report);
    const auto* question = std::get_if<ReceiptQuestion>(&event);
    if (question == nullptr) continue;
    CHECK(question->to == NodeId{2});
    asked.post(ReceiptsOrder{.asker = NodeId{1}, .address = kA, .request = question->request});
    asker.post(ReceiptsTold{.from = question->to, .receipts = asked.next<ReceiptsRead>().receipts});
  }
}

// The first window from now on of which nothing is left open. A machine that stalls answers some
// too late: these are no reason to fail, and may blame no direction that lost nothing.
FlowWindow decided_window(Node& asker, Node& asked, bool forward_loses, bool return_loses) {
  const auto since = async::now_wall();
  for (;;) {
    const auto report = window_with_answers(asker, asked);
    const auto sum = sum_of(report);
    if (report.window_start < since || sum.sent == 0) continue;
    CHECK((forward_loses || sum.lost_forward == 0));
    CHECK((return_loses || sum.lost_return == 0));
    if (sum.lost_undetermined == 0) return sum;
  }
}

}  // namespace

TEST_CASE("while no reply comes the far end tells which way packets are lost", "[engine][netns]") {
  std::optional<Chain> chain;
  if (!make_chain(chain)) return;
  Node a(*chain, "a", kA);
  Node b(*chain, "b", kB);
  b.post(set(plan_to(kA, 0)));
  (void)b.next<WindowClosed>();
  a.post(set(plan_to(kB, 2)));
  while (loss(a, 1).sent == 0) {
  }
  const auto drop = [&](const char* rule) {
    chain->in("r1", fmt::format("iptables -A FORWARD {} -p udp -j DROP", rule));
    REQUIRE(chain->made());
  };
  drop("-o to-a");  // every reply
  const auto homeward = decided_window(a, b, false, true);
  CHECK(homeward.lost_return == homeward.sent);

  // One packet in four does not arrive: packet by packet, though nothing at all comes back.
  drop("-i to-a -m statistic --mode nth --every 4 --packet 0");
  const auto both = decided_window(a, b, true, true);
  CHECK(both.lost_forward + both.lost_return == both.sent);
  CHECK(both.lost_forward >= both.sent / 4);
  CHECK(both.lost_forward <= both.sent / 4 + 1);

  chain->in("r1", "iptables -F FORWARD");
  drop("-i to-a");  // every packet
  const auto outward = decided_window(a, b, true, false);
  CHECK(outward.lost_forward == outward.sent);
}

}  // namespace faultline::engine
