// stamp_bench [SECONDS [SOURCES [REFLECTORS]]]: what a round trip costs the engine, beside the
// barest echo of the same packets in the same batches in the same run.
//
// Workload: SOURCES source ports that each measure REFLECTORS peers on loopback, all flows every
// 10 ms (the shortest interval that a plan may have) and all in one tick of 11 ms, so that every
// system call of either side has a batch of min(REFLECTORS, 32) packets. Both ends are in one
// thread. Windows of one second close within the measurement, histograms and all.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "common/crypto/keys.h"
#include "probe/engine/exchange.h"
#include "probe/engine/keyring.h"
#include "tests/bench/stamp/echo.h"

namespace {
// Every allocation of the process, operator new's too.
std::atomic<std::uint64_t> g_allocations{0};
}  // namespace

extern "C" {
void* __libc_malloc(std::size_t size);
void* malloc(std::size_t size) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(size);
}
}

namespace faultline::bench {
namespace {

constexpr std::uint16_t kSourcePort = 61000;
constexpr std::uint16_t kReflectorPort = 20000;
constexpr Duration kTick = std::chrono::milliseconds{11};
const IpAddress kAddress = IpAddress::v4(0x7f000001);

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

struct Shape {
  std::uint16_t sources = 32;
  std::uint16_t reflectors = 32;
};

struct Cost {
  double seconds = 0;
  std::uint64_t round_trips = 0;
  std::uint64_t steady_allocations = 0;  // in ticks in which no window closed
  std::uint64_t steady_round_trips = 0;

  [[nodiscard]] double microseconds() const {
    return 1e6 * seconds / static_cast<double>(round_trips);
  }
};

// A measuring exchange and its reflectors, the two ends of every flow.
class EngineRun {
 public:
  EngineRun(const Shape& shape, bool transmit_stamps, bool authenticated);

  void tick(Cost& cost);
  [[nodiscard]] std::uint64_t replies() const { return tally_.replies.value(); }
  [[nodiscard]] std::uint64_t sent() const { return tally_.sent.value(); }

 private:
  [[nodiscard]] PlanPeer peer(std::uint32_t node, std::uint16_t port,
                              const crypto::KeyPair& keys) const;
  static void set(engine::Exchange& exchange, const Plan& plan, const crypto::KeyPair& own) {
    engine::Keyring keyring;
    exchange.set_plan(plan, keyring.table({own}, plan));
  }

  bool transmit_stamps_;
  bool authenticated_;
  engine::Tally tally_;
  engine::Tally reflector_tally_;
  std::unique_ptr<engine::Exchange> sender_;
  std::vector<std::unique_ptr<engine::Exchange>> reflectors_;
};

std::unique_ptr<engine::Exchange> opened(const engine::EngineConfig& config, engine::Tally& tally) {
  auto exchange = engine::Exchange::open(config, tally);
  if (exchange) return std::move(*exchange);
  fmt::print(stderr, "{}\n", exchange.error().context);
  std::exit(1);
}

PlanPeer EngineRun::peer(std::uint32_t node, std::uint16_t port,
                         const crypto::KeyPair& keys) const {
  PlanPeer peer;
  peer.node = NodeId{node};
  peer.name = "n" + std::to_string(node);
  peer.address = kAddress;
  peer.reflector_port = port;
  peer.key = keys.public_key;
  peer.authenticates = authenticated_;
  return peer;
}

EngineRun::EngineRun(const Shape& shape, bool transmit_stamps, bool authenticated)
    : transmit_stamps_(transmit_stamps), authenticated_(authenticated) {
  const auto own = crypto::generate_key_pair();
  Plan plan;
  plan.revision = PlanRevision{1};
  plan.node = NodeId{1};
  plan.window = std::chrono::seconds{1};
  plan.flow_interval = std::chrono::milliseconds{10};
  plan.reply_timeout = std::chrono::milliseconds{100};
  plan.packets_per_second_max = kPacketsPerSecondMax;
  Plan answering = plan;
  answering.peers = {peer(1, 1, own)};
  for (std::uint16_t i = 0; i < shape.reflectors; ++i) {
    const auto port = static_cast<std::uint16_t>(kReflectorPort + i);
    reflectors_.push_back(opened({.address = kAddress,
                                  .source_port_first = static_cast<std::uint16_t>(port + 256),
                                  .source_port_count = 1,
                                  .reflector_port = port},
                                 reflector_tally_));
    const auto keys = crypto::generate_key_pair();
    set(*reflectors_.back(), answering, keys);
    plan.peers.push_back(peer(i + 2U, port, keys));
    for (std::uint16_t s = 0; s < shape.sources; ++s) {
      plan.flows.push_back({i, static_cast<std::uint16_t>(kSourcePort + s)});
    }
  }
  sender_ = opened({.address = kAddress,
                    .source_port_first = kSourcePort,
                    .source_port_count = shape.sources,
                    .reflector_port = kReflectorPort - 1,
                    .transmit_stamps = transmit_stamps},
                   tally_);
  set(*sender_, plan, own);
}

void EngineRun::tick(Cost& cost) {
  const auto allocations = g_allocations.load();
  const auto before = replies();
  sender_->send_due();
  // As epoll would tell it: sockets with transmit stamps have something in their error queue.
  for (auto& reflector : reflectors_) reflector->on_readable(1, false);
  for (std::size_t port = 0; port + 1 < sender_->port_count(); ++port) {
    sender_->on_readable(port, transmit_stamps_);
  }
  const auto seen = engine::read_clocks();
  bool closed = false;
  while (sender_->take_event(seen)) closed = true;
  const auto answered = replies() - before;
  cost.round_trips += answered;
  if (closed) return;
  cost.steady_allocations += g_allocations.load() - allocations;
  cost.steady_round_trips += answered;
}

template <typename Round>
void run_for(double seconds, Cost& cost, Round round) {
  const auto rounds = static_cast<int>(seconds / std::chrono::duration<double>(kTick).count());
  auto next = std::chrono::steady_clock::now();
  for (int i = 0; i < rounds; ++i) {
    const double start = processor_seconds();
    round();
    cost.seconds += processor_seconds() - start;
    next += kTick;
    std::this_thread::sleep_until(next);
  }
}

struct Case {
  const char* name;
  bool transmit_stamps;
  bool authenticated;
};

// One line: the echo and the engine in turns, so that both see the same disturbances.
void compare(const Case& wanted, const Shape& shape, double seconds) {
  constexpr int kTurns = 10;
  Echo echo(
      shape.sources, shape.reflectors,
      stamp::base_size(wanted.authenticated ? stamp::Mode::kAuthenticated : stamp::Mode::kOpen));
  EngineRun engine(shape, wanted.transmit_stamps, wanted.authenticated);
  Cost warm_up;
  run_for(2.5, warm_up, [&] { engine.tick(warm_up); });
  Cost bare;
  Cost measured;
  std::vector<double> ratios;
  const auto sent = engine.sent();
  const auto replies = engine.replies();
  for (int turn = 0; turn < kTurns; ++turn) {
    Cost one;
    Cost other;
    run_for(seconds / kTurns, one, [&] { one.round_trips += echo.round(); });
    run_for(seconds / kTurns, other, [&] { engine.tick(other); });
    ratios.push_back(one.microseconds() / other.microseconds());
    bare.seconds += one.seconds;
    bare.round_trips += one.round_trips;
    measured.seconds += other.seconds;
    measured.round_trips += other.round_trips;
    measured.steady_allocations += other.steady_allocations;
    measured.steady_round_trips += other.steady_round_trips;
  }
  std::ranges::sort(ratios);
  fmt::print("{:<34} {:>7.3f} {:>7.3f} {:>7.3f} {:>6.3f} {:>6.3f} {:>9} {:>9} {:>8}\n", wanted.name,
             bare.microseconds(), measured.microseconds(),
             (ratios[kTurns / 2 - 1] + ratios[kTurns / 2]) / 2, ratios.front(), ratios.back(),
             engine.sent() - sent, engine.replies() - replies, measured.steady_allocations);
}

}  // namespace
}  // namespace faultline::bench

int main(int argc, char** argv) {
  using namespace faultline::bench;
  const double seconds = argc > 1 ? std::atof(argv[1]) : 10;
  Shape shape;
  if (argc > 2) shape.sources = static_cast<std::uint16_t>(std::atoi(argv[2]));
  if (argc > 3) shape.reflectors = static_cast<std::uint16_t>(std::atoi(argv[3]));
  fmt::print(
      "{} source ports x {} peers, {} s each; processor time per round trip in us\n"
      "{:<34} {:>7} {:>7} {:>7} {:>6} {:>6} {:>9} {:>9} {:>8}\n",
      shape.sources, shape.reflectors, seconds, "", "echo", "engine", "ratio", "least", "most",
      "sent", "matched", "mallocs");
  for (const Case& wanted :
       {Case{"open, RX stamps", false, false}, Case{"open, RX and TX stamps", true, false},
        Case{"authenticated, RX stamps", false, true},
        Case{"authenticated, RX and TX stamps", true, true}}) {
    compare(wanted, shape, seconds);
  }
  return 0;
}
