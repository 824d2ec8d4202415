// An engine on a loopback address of its own, for tests: they wait for events, with a guard against
// hangs, and assert counts, never times.
#pragma once

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "probe/engine/engine.h"
#include "tests/support/catch.h"

namespace faultline::engine {

inline constexpr std::chrono::seconds kGuard{30};
inline constexpr std::uint16_t kSourcePort = 47000;
inline constexpr std::uint16_t kReflectorPort = 48620;

// 127.x.y.n, with x and y of this process, so that tests can run side by side.
inline IpAddress address(std::uint32_t n) {
  return IpAddress::v4(0x7f000000 | (static_cast<std::uint32_t>(::getpid()) & 0xffff) << 8 | n);
}

class Node {
 public:
  explicit Node(IpAddress local)
      : Node(EngineConfig{.address = local,
                          .source_port_first = kSourcePort,
                          .source_port_count = 4,
                          .reflector_port = kReflectorPort,
                          .seed = 1}) {}
  explicit Node(const EngineConfig& config) {
    auto started = Engine::start(config, [this] {
      const std::lock_guard lock{mutex_};
      signaled_ = true;
      signal_.notify_one();
    });
    REQUIRE(started);
    engine_ = std::move(*started);
  }

  [[nodiscard]] Engine& engine() { return *engine_; }
  void post(EngineCommand command) { REQUIRE(engine_->post(std::move(command))); }

  // The next event; others of another type stay waiting in order.
  template <typename Event>
  Event next() {
    for (;;) {
      for (auto it = events_.begin(); it != events_.end(); ++it) {
        if (!std::holds_alternative<Event>(*it)) continue;
        Event event = std::move(std::get<Event>(*it));
        events_.erase(it);
        return event;
      }
      std::vector<EngineEvent> taken;
      if (engine_->take_events(taken, 100) == 0) {
        std::unique_lock lock{mutex_};
        REQUIRE(signal_.wait_for(lock, kGuard, [this] { return signaled_; }));
        signaled_ = false;
      }
      for (auto& event : taken) events_.push_back(std::move(event));
    }
  }
  // Returns when the engine has carried out all commands and done with all datagrams before.
  void settle() {
    post(trace::TraceOrder{.id = 999});  // refused, and answered at once
    REQUIRE(next<trace::TraceResult>().id == 999);
  }
  Report next_report() { return next<WindowClosed>().report; }
  // The first report of a window that the plan `revision` filled as a whole, its sessions settled.
  Report next_whole_report(std::uint64_t revision) {
    for (bool seen = false;; seen = true) {
      auto report = next_report();
      if (report.plan == PlanRevision{revision} && seen && !report.flows.empty()) return report;
      if (report.plan != PlanRevision{revision}) seen = false;
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable signal_;
  bool signaled_ = false;
  std::unique_ptr<Engine> engine_;
  std::deque<EngineEvent> events_;
};

// Twenty packets per flow and window of a second.
inline Plan plan_to(const std::vector<IpAddress>& peers, std::uint64_t revision = 1) {
  Plan plan;
  plan.revision = PlanRevision{revision};
  plan.window = std::chrono::seconds{1};
  plan.flow_interval = std::chrono::milliseconds{50};
  plan.reply_timeout = std::chrono::seconds{1};
  plan.packets_per_second_max = 5000;
  plan.traces_per_second = 100;
  for (std::uint32_t i = 0; i < peers.size(); ++i) {
    PlanPeer peer;
    peer.node = NodeId{i + 1};
    peer.name = "peer" + std::to_string(i + 1);
    peer.address = peers[i];
    peer.reflector_port = kReflectorPort;
    plan.peers.push_back(peer);
    for (std::uint16_t port = 0; port < 4; ++port) {
      plan.flows.push_back({.peer = i, .source_port = static_cast<std::uint16_t>(47000 + port)});
    }
  }
  return plan;
}

inline SetPlan set(Plan plan) { return {std::make_shared<const Plan>(std::move(plan))}; }
inline SetPlan only_peers(Plan plan) {
  plan.flows.clear();
  return set(std::move(plan));
}

}  // namespace faultline::engine
