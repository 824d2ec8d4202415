// Engines at the two ends of a chain of routers, each a network namespace of its own:
//   a 10.99.1.2 -- 10.99.1.1 r1 10.99.2.1 -- 10.99.2.2 r2 10.99.3.1 -- 10.99.3.2 b
// Needs root; without it the program says that it was skipped.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/net/unique_fd.h"
#include "probe/engine/engine.h"
#include "tests/support/catch.h"

namespace faultline::engine {

inline constexpr std::chrono::seconds kGuard{30};
inline constexpr std::uint16_t kSourcePort = 61000;
inline constexpr std::uint16_t kReflectorPort = 862;
inline constexpr std::uint16_t kFlows = 8;
inline const IpAddress kA = *IpAddress::parse("10.99.1.2");
inline const IpAddress kB = *IpAddress::parse("10.99.3.2");

inline bool run(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

class Chain {
 public:
  Chain() {
    for (const auto* node : kNodes)
      made_ = made_ && run(fmt::format("ip netns add {}", name(node)));
    link("a", "10.99.1.2/24", "r1", "10.99.1.1/24");
    link("r1", "10.99.2.1/24", "r2", "10.99.2.2/24");
    link("r2", "10.99.3.1/24", "b", "10.99.3.2/24");
    for (const auto* node : kNodes) {
      in(node, "ip link set lo up");
      in(node, "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0");
    }
    in("a", "ip route add default via 10.99.1.1");
    in("r1", "ip route add default via 10.99.2.2");
    in("r2", "ip route add default via 10.99.2.1");
    in("b", "ip route add default via 10.99.3.1");
  }
  ~Chain() {
    for (const auto* node : kNodes) run(fmt::format("ip netns del {}", name(node)));
  }
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;

  [[nodiscard]] bool made() const { return made_; }
  void in(const std::string& node, const std::string& command) {
    made_ = run(fmt::format("ip netns exec {} {}", name(node), command)) && made_;
  }
  // What a command says.
  [[nodiscard]] std::string ask(const std::string& node, const std::string& command) const {
    auto* const pipe =
        ::popen(fmt::format("ip netns exec {} {}", name(node), command).c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string said;
    for (int octet = std::fgetc(pipe); octet != EOF; octet = std::fgetc(pipe)) {
      said += static_cast<char>(octet);
    }
    CHECK(::pclose(pipe) == 0);
    return said;
  }
  [[nodiscard]] std::string path(const std::string& node) const {
    return "/var/run/netns/" + name(node);
  }

 private:
  static constexpr std::array<const char*, 4> kNodes{"a", "r1", "r2", "b"};

  [[nodiscard]] std::string name(const std::string& node) const {
    return fmt::format("flengine{}-{}", ::getpid(), node);
  }
  void link(const std::string& left, const std::string& left_address, const std::string& right,
            const std::string& right_address) {
    made_ = run(fmt::format("ip link add to-{} netns {} type veth peer name to-{} netns {}", right,
                            name(left), left, name(right))) &&
            made_;
    in(left, fmt::format("ip addr add {} dev to-{}", left_address, right));
    in(right, fmt::format("ip addr add {} dev to-{}", right_address, left));
    in(left, fmt::format("ip link set to-{} up", right));
    in(right, fmt::format("ip link set to-{} up", left));
  }

  bool made_ = true;
};

// An engine whose sockets are in the namespace of `node`.
class Node {
 public:
  Node(const Chain& chain, const std::string& node, IpAddress address) {
    const net::UniqueFd home(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    const net::UniqueFd there(::open(chain.path(node).c_str(), O_RDONLY | O_CLOEXEC));
    REQUIRE(::setns(there.get(), CLONE_NEWNET) == 0);
    auto started = Engine::start({.address = address,
                                  .source_port_first = kSourcePort,
                                  .source_port_count = kFlows,
                                  .reflector_port = kReflectorPort,
                                  .seed = 3},
                                 [this] {
                                   const std::lock_guard lock{mutex_};
                                   signaled_ = true;
                                   signal_.notify_one();
                                 });
    REQUIRE(::setns(home.get(), CLONE_NEWNET) == 0);
    REQUIRE(started);
    engine_ = std::move(*started);
  }

  void post(EngineCommand command) { REQUIRE(engine_->post(std::move(command))); }
  // Packets that its kernel dropped because the engine did not read in time.
  [[nodiscard]] std::uint64_t unread() const { return engine_->counters().receive_drops; }
  EngineEvent any() {
    std::vector<EngineEvent> taken;
    while (engine_->take_events(taken, 1) == 0) {
      std::unique_lock lock{mutex_};
      REQUIRE(signal_.wait_for(lock, kGuard, [this] { return signaled_; }));
      signaled_ = false;
    }
    return std::move(taken[0]);
  }
  template <typename Event>
  Event next() {
    for (;;) {
      auto event = any();
      if (auto* wanted = std::get_if<Event>(&event)) return std::move(*wanted);
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable signal_;
  bool signaled_ = false;
  std::unique_ptr<Engine> engine_;
};

inline Plan plan_to(IpAddress peer_address, std::uint16_t flows) {
  Plan plan;
  plan.revision = PlanRevision{1};
  plan.window = std::chrono::seconds{1};
  plan.flow_interval = std::chrono::milliseconds{20};
  plan.reply_timeout = std::chrono::seconds{1};
  plan.traces_per_second = 100;
  PlanPeer peer;
  peer.node = NodeId{2};
  peer.address = peer_address;
  peer.reflector_port = kReflectorPort;
  plan.peers = {peer};
  for (std::uint16_t i = 0; i < flows; ++i) {
    plan.flows.push_back({.peer = 0, .source_port = static_cast<std::uint16_t>(kSourcePort + i)});
  }
  return plan;
}

inline SetPlan set(Plan plan) { return {std::make_shared<const Plan>(std::move(plan))}; }

// Engines at both ends: b answers and knows a when a begins to measure as `plan` says.
struct Ends {
  Ends(const Chain& chain, Plan plan) : a(chain, "a", kA), b(chain, "b", kB) {
    b.post(set(plan_to(kA, 0)));
    (void)b.next<WindowClosed>();
    a.post(set(std::move(plan)));
  }

  Node a;
  Node b;
};
// Takes windows up to the first that began at `since` or later, and returns that.
inline WindowClosed first_since(Node& node, WallTime since) {
  for (;;) {
    auto window = node.next<WindowClosed>();
    if (window.report.window_start >= since) return window;
  }
}

// The loss of the next windows until `wanted` packets were attributed or ten windows have passed.
inline FlowWindow loss(Node& node, std::uint32_t wanted) {
  FlowWindow sum;
  for (int i = 0; i < 10 && sum.lost_forward + sum.lost_return < wanted; ++i) {
    for (const auto& flow : node.next<WindowClosed>().report.flows) {
      sum.sent += flow.sent;
      sum.lost_forward += flow.lost_forward;
      sum.lost_return += flow.lost_return;
      sum.lost_undetermined += flow.lost_undetermined;
    }
  }
  return sum;
}

// Catch2 v2 cannot skip; ctest reads this line.
inline std::optional<Chain>& make_chain(std::optional<Chain>& chain) {
  if (::geteuid() != 0) {
    std::cout << "SKIPPED: network namespaces need root\n";
    return chain;
  }
  chain.emplace();
  if (!chain->made()) {
    std::cout << "SKIPPED: this kernel or user cannot make network namespaces with veth\n";
    chain.reset();
  }
  return chain;
}

}  // namespace faultline::engine
