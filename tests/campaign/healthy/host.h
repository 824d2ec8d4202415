// Host: one machine with a probe that is well and has its troubles: it restarts, is overloaded, and
// its clock steps.
//
// Why it exists: what a prober does to its own measurements looks like a fault of the network. It
// speaks the control conversation as the probe does (hello, plan, heartbeat, batches, goodbye);
// what its flows measured is drawn per window, not per packet.
//
// Simplified: paths are known with the first window, and a window in which the process stops is not
// reported. Thread safety: none.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/model/control.h"
#include "common/model/report.h"
#include "tests/campaign/healthy/network.h"

namespace faultline::healthy {

// Share of a window, 0..1.
struct Trouble {
  double drops = 0;    // of what it receives, for want of buffer
  double late_us = 0;  // what its own scheduling adds
};

struct HostCounters {
  std::uint64_t packets = 0;
  std::uint64_t lost = 0;
  std::uint64_t restarts = 0;   // with a goodbye, seconds
  std::uint64_t reboots = 0;    // with a goodbye, minutes
  std::uint64_t crashes = 0;    // without one, seconds
  std::uint64_t overloads = 0;  // times
  std::uint64_t clock_steps = 0;
};

class World;

class Host {
 public:
  Host(World& world, std::uint32_t number, std::uint64_t seed);

  void start();  // its first process
  void receive(const ControllerMessage& message);

  // Of the interval, the share in which its process did not answer.
  [[nodiscard]] double away(WallTime from, WallTime to) const;
  [[nodiscard]] Trouble trouble_at(WallTime time) const;

 private:
  struct Session {
    NodeId target{};
    std::uint32_t to = 0;  // host
    std::uint16_t port = 0;
    std::uint16_t times = 1;  // what a boost makes of its packets
    Way there{};
    Way back{};
  };
  struct Overload {
    WallTime from{};
    WallTime until{};
    Trouble trouble;
  };
  struct Gone {
    WallTime from{};
    WallTime until{};
  };

  [[nodiscard]] WallTime clock() const;  // its own
  void say_hello();
  void beat();
  void begin_measuring();
  void close_window_later();
  void close_window();
  void take_plan(const Plan& plan);
  void take_boost(const Boost& boost);
  void measure(Report& report, WallTime from, WallTime to);
  void measure_flow(const Session& session, std::uint32_t packets, const Trouble& own,
                    WallTime from, WallTime to, FlowWindow& flow, std::uint32_t& own_drops);
  static void add_delays(Report& report);
  void add_paths(Report& report);
  // Its troubles, each of which plans the next.
  void later_restart();
  void later_reboot();
  void later_crash();
  void later_overload();
  void later_clock_step();
  void go_away(Duration length, bool says_goodbye);
  void come_back();
  // Exponential: `per_day` times a day on average.
  [[nodiscard]] Duration until_next(double per_day);

  World& world_;
  std::uint32_t number_;
  Rng rng_;
  std::string name_;
  bool is_up_ = false;
  std::uint64_t process_ = 0;
  BootId boot_;
  std::uint64_t sequence_ = 0;
  std::uint64_t heartbeats_ = 0;
  std::optional<NodeId> id_;
  std::shared_ptr<const Plan> plan_;
  std::vector<Session> sessions_;
  bool paths_are_news_ = false;
  std::int64_t paths_day_ = 0;
  WallTime boosted_until_{};
  WallTime next_window_{};  // by its own clock
  Duration clock_offset_{};
  Duration stepped_{};  // since the last window closed
  std::vector<Overload> overloads_;
  std::vector<Gone> gone_;  // lately
};

}  // namespace faultline::healthy
