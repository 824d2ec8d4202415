// Counts what is allocated on the thread that sends, reflects and matches packets.
#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <variant>
#include <vector>

#include "probe/engine/exchange.h"
#include "probe/engine/keyring.h"
#include "tests/integration/probe_engine/node.h"

namespace {
thread_local std::uint64_t allocations_here = 0;
}  // namespace

// Both forms: a sanitizer that brings its own for the one that is not replaced would miss the match
// with the delete below.
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  ++allocations_here;
  return std::malloc(size != 0 ? size : 1);
}
void* operator new(std::size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
// Of arrays: the sanitizer's own would not come by.
void* operator new[](std::size_t size, const std::nothrow_t& tag) noexcept {
  return operator new(size, tag);
}
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete[](void* memory) noexcept { operator delete(memory); }
void operator delete[](void* memory, std::size_t) noexcept { operator delete(memory); }

namespace faultline::engine {
namespace {

// Both ends of the sessions on one thread, driven as the engine's loop drives its own.
class BothEnds {
 public:
  explicit BothEnds(Exchange& sender, Exchange& reflector) : ends_{&sender, &reflector} {
    for (auto* end : ends_) {
      for (std::size_t port = 0; port < end->port_count(); ++port) {
        ready_.push_back({.fd = end->fd(port), .events = POLLIN, .revents = 0});
      }
    }
  }

  // One turn; returns how many packets the flow with the fewest sent in the window that closed, 0
  // when none of flows did. What closing allocates is not counted.
  std::uint32_t turn(std::uint64_t& allocations) {
    const auto wait =
        std::chrono::ceil<std::chrono::milliseconds>(ends_[0]->next_due() - read_clocks().instant);
    ::poll(ready_.data(), ready_.size(), static_cast<int>(std::clamp<long>(wait.count(), 0, 1000)));
    const auto before = allocations_here;
    auto* polled = ready_.data();
    for (auto* end : ends_) {
      for (std::size_t port = 0; port < end->port_count(); ++port, ++polled) {
        if (polled->revents != 0) end->on_readable(port, (polled->revents & POLLERR) != 0);
      }
    }
    ends_[0]->send_due();
    allocations += allocations_here - before;
    std::uint32_t fewest = 0;
    for (auto* end : ends_) {
      while (const auto event = end->take_event(read_clocks())) {
        const auto* window = std::get_if<WindowClosed>(&*event);
        if (window == nullptr || window->report.flows.empty()) continue;
        fewest = std::ranges::min(window->report.flows, {}, &FlowWindow::sent).sent;
      }
    }
    return fewest;
  }

 private:
  std::array<Exchange*, 2> ends_;
  std::vector<pollfd> ready_;
};

std::unique_ptr<Exchange> exchange_at(std::uint32_t n, Tally& tally) {
  auto exchange = Exchange::open({.address = address(n),
                                  .source_port_first = kSourcePort,
                                  .source_port_count = 4,
                                  .reflector_port = kReflectorPort,
                                  .seed = 1},
                                 tally);
  REQUIRE(exchange);
  return *std::move(exchange);
}

// Of the hundred packets per flow and window: with as many, all room that flows make is made.
constexpr std::uint32_t kNearlyAll = 90;

Plan fast_plan_to(std::uint32_t n, const crypto::KeyPair& keys) {
  auto plan = plan_to({address(n)});
  plan.flow_interval = std::chrono::milliseconds{10};
  plan.reply_timeout = std::chrono::milliseconds{100};
  plan.peers[0].key = keys.public_key;
  plan.peers[0].authenticates = true;
  plan.flows.back().size = 1000;  // of a flow with large packets, too
  return plan;
}

}  // namespace

TEST_CASE("once windows have closed, no packet costs an allocation", "[engine]") {
  Tally sent;
  Tally reflected;
  const auto sender = exchange_at(1, sent);
  const auto reflector = exchange_at(2, reflected);
  const auto keys = crypto::generate_key_pair();
  const auto far_keys = crypto::generate_key_pair();
  const auto plan = fast_plan_to(2, far_keys);
  auto far_plan = fast_plan_to(1, keys);
  far_plan.flows.clear();
  Keyring keyring;
  Keyring far_keyring;
  reflector->set_plan(far_plan, far_keyring.table({far_keys}, far_plan));
  sender->set_plan(plan, keyring.table({keys}, plan));

  BothEnds ends(*sender, *reflector);
  std::uint64_t until_steady = 0;
  int closed = 0;
  for (std::uint32_t fewest = 0; closed < 4 || fewest < kNearlyAll;) {
    fewest = ends.turn(until_steady);
    closed += fewest > 0 ? 1 : 0;
  }
  CHECK(until_steady > 0);  // flows make room: the count counts
  const auto replies = sent.replies.value();
  std::uint64_t allocations = 0;
  while (sent.replies.value() < replies + 1000) (void)ends.turn(allocations);
  CHECK(allocations == 0);
  CHECK(sent.transmit_stamps.value() > 0);
}

}  // namespace faultline::engine
