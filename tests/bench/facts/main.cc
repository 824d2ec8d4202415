// facts_bench [ROUNDS]: how late the engine sends beside a thread that collects facts, against the
// same engine beside an idle one, in one run.
//
// Workload: two engines on loopback addresses, 4 x 16 flows at 20 packets per second, windows of a
// second. A round is four spans of kSpan windows: idle; a collection every second (a probe: every
// 15 s at most); collections without a rest; and, to tell what waits for a collector from what
// merely shares a processor with it, a thread that computes without a rest and collects nothing. As
// in a probe the collector is a thread of its own, runs `nft` and `lldpcli` where they are
// installed, and asks the engine whom it hears each time.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "probe/engine/engine.h"
#include "probe/facts/collector.h"

namespace faultline::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint16_t kSourcePort = 61000;
constexpr std::uint16_t kSourcePorts = 16;
constexpr std::uint16_t kReflectorPort = 20862;
constexpr int kSpan = 6;  // windows; the first and the last of a span are of two modes

enum Mode : int { kIdle, kEverySecond, kWithoutRest, kSpinning, kModes };
constexpr std::array<const char*, kModes> kNames{"idle", "every second", "without rest",
                                                 "(a busy loop)"};

// What the windows of one mode were like.
struct Tally {
  std::vector<double> lateness_us;  // the worst of each window
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t collections = 0;
  Duration processor_time{};
};

IpAddress address(std::uint32_t n) { return IpAddress::v4(0x7f010100 + n); }

std::unique_ptr<engine::Engine> start(std::uint32_t n) {
  auto started = engine::Engine::start({.address = address(n),
                                        .source_port_first = kSourcePort,
                                        .source_port_count = kSourcePorts,
                                        .reflector_port = kReflectorPort,
                                        .seed = n},
                                       [] {});
  if (!started) {
    fmt::print(stderr, "facts_bench: {}\n", started.error().context);
    std::exit(1);
  }
  return *std::move(started);
}

engine::SetPlan plan_to(const std::vector<std::uint32_t>& peers, bool measures) {
  Plan plan;
  plan.revision = PlanRevision{1};
  plan.window = seconds{1};
  plan.flow_interval = milliseconds{50};
  plan.reply_timeout = milliseconds{500};
  plan.packets_per_second_max = 10'000;
  for (std::uint32_t i = 0; i < peers.size(); ++i) {
    plan.peers.push_back({.node = NodeId{peers[i]},
                          .name = fmt::format("h{}", peers[i]),
                          .address = address(peers[i]),
                          .reflector_port = kReflectorPort});
    for (std::uint16_t port = 0; measures && port < kSourcePorts; ++port) {
      plan.flows.push_back(
          {.peer = i, .source_port = static_cast<std::uint16_t>(kSourcePort + port)});
    }
  }
  return {std::make_shared<const Plan>(std::move(plan))};
}

class Run {
 public:
  Run() {
    std::vector<std::uint32_t> others;
    for (std::uint32_t n = 2; n <= 5; ++n) {
      others.push_back(n);
      reflectors_.push_back(start(n));
      static_cast<void>(reflectors_.back()->post(plan_to({1}, false)));
    }
    measurer_ = start(1);
    static_cast<void>(measurer_->post(plan_to(others, true)));
    collector_ = std::thread([this] { collect(); });
  }
  ~Run() {
    stopping_ = true;
    collector_.join();
  }

  void span(Mode mode) {
    mode_ = mode;
    const auto from = async::now_wall();
    std::this_thread::sleep_for(seconds{kSpan});
    const auto to = async::now_wall();
    std::this_thread::sleep_for(milliseconds{1500});  // the last windows close; still of this mode
    std::vector<engine::EngineEvent> events;
    while (measurer_->take_events(events, 100) != 0) {
    }
    for (const auto& event : events) {
      const auto* closed = std::get_if<engine::WindowClosed>(&event);
      if (closed == nullptr) continue;
      const auto& report = closed->report;
      if (report.window_start < from || report.window_start + report.window > to) continue;
      auto& tally = tallies_[mode];
      tally.lateness_us.push_back(static_cast<double>(report.health.lateness_max_ns) / 1000);
      for (const auto& flow : report.flows) {
        tally.sent += flow.sent;
        tally.answered += flow.answered();
      }
    }
  }

  void print() {
    stopping_ = true;
    fmt::print("{:<14}{:>9}{:>9}{:>9}{:>14}{:>14}{:>9}{:>13}{:>10}\n", "collections", "windows",
               "sent", "lost", "late p50 us", "late p90 us", "ratio", "collections", "ms each");
    for (int mode = 0; mode < kModes; ++mode) {
      auto& tally = tallies_[mode];
      const double p50 = quantile(tally.lateness_us, 0.5);
      const auto ms = std::chrono::duration<double, std::milli>(tally.processor_time).count();
      fmt::print("{:<14}{:>9}{:>9}{:>9}{:>14.0f}{:>14.0f}{:>9.2f}{:>13}{:>10.1f}\n", kNames[mode],
                 tally.lateness_us.size(), tally.sent, tally.sent - tally.answered, p50,
                 quantile(tally.lateness_us, 0.9), p50 / quantile(tallies_[kIdle].lateness_us, 0.5),
                 tally.collections,
                 tally.collections == 0 ? 0 : ms / static_cast<double>(tally.collections));
    }
  }

 private:
  static double quantile(std::vector<double> values, double share) {
    if (values.empty()) return 0;
    std::ranges::sort(values);
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
  }

  void collect() {
    while (!stopping_) {
      const Mode mode = mode_;
      if (mode == kIdle) {
        std::this_thread::sleep_for(milliseconds{20});
        continue;
      }
      if (mode == kSpinning) {
        const auto until = async::now_instant() + milliseconds{3};
        while (async::now_instant() < until) {
        }
        continue;
      }
      static_cast<void>(measurer_->post(engine::TellHeard{}));
      const auto collection = probe_facts::collect({});
      ++tallies_[mode].collections;
      tallies_[mode].processor_time += collection.processor_time;
      if (mode == kEverySecond) std::this_thread::sleep_for(seconds{1});
    }
  }

  std::vector<std::unique_ptr<engine::Engine>> reflectors_;
  std::unique_ptr<engine::Engine> measurer_;
  std::atomic<Mode> mode_ = kIdle;
  std::atomic<bool> stopping_ = false;
  std::array<Tally, kModes> tallies_;  // counts of collections: the collector's
  std::thread collector_;
};

}  // namespace
}  // namespace faultline::bench

int main(int argc, char** argv) {
  using namespace faultline::bench;
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 5;
  Run run;
  run.span(kIdle);  // sessions come up
  for (int round = 0; round < rounds; ++round) {
    for (const Mode mode : {kIdle, kEverySecond, kWithoutRest, kSpinning}) run.span(mode);
  }
  run.print();
}
