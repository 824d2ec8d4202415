#include "tests/bench/probe/memory.h"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "probe/engine/exchange.h"
#include "probe/session/reflector.h"
#include "probe/session/sender.h"

namespace faultline::bench {
namespace {

constexpr Duration kStep = std::chrono::milliseconds{10};
constexpr Duration kRoundTrip = std::chrono::microseconds{100};
constexpr std::size_t kBatch = 512;

double resident_mib(const std::string& which) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(which)) return std::stod(line.substr(which.size() + 1)) / 1024;
  }
  return 0;
}

void tell(const char* when) {
  fmt::print("{:<44} {:>6.1f} MiB, {:>6.1f} of them not of files\n", when, resident_mib("VmRSS"),
             resident_mib("RssAnon"));
}

// A sender all of whose packets are answered at once.
class Answered {
 public:
  Answered(const Shape& shape, const Plan& plan) : sender_(1) {
    sender_.set_plan(plan, now_);
    intervals_ =
        static_cast<std::uint32_t>((3 * plan.window + plan.reply_timeout) / shape.interval) + 2;
    end_ = now_.instant + std::max(intervals_ * shape.interval, 4 * plan.window);
  }
  void run();

 private:
  session::Sender sender_;
  session::Now now_{Instant{std::chrono::hours{1}}, wall_time_from_unix_seconds(1'700'000'000)};
  std::uint32_t intervals_ = 0;
  Instant end_{};
  std::uint64_t sent_ = 0, answered_ = 0, reports_ = 0;
};

void Answered::run() {
  std::vector<session::Outgoing> due;
  while (now_.instant < end_) {
    due.clear();
    sender_.take_due(now_, kBatch, due);
    for (const auto& packet : due) {
      const auto sent_at = packet.packet.sent_at;
      const stamp::ReflectorPacket reply{.sequence = packet.packet.sequence,
                                         .sent_at = sent_at + kRoundTrip / 2,
                                         .ssid = packet.packet.ssid,
                                         .received_at = sent_at + kRoundTrip / 2,
                                         .sender_sequence = packet.packet.sequence,
                                         .sender_timestamp = stamp::to_ntp(sent_at)};
      answered_ += sender_.on_reply(packet.source_port, packet.to, reply, sent_at + kRoundTrip);
    }
    sent_ += due.size();
    if (due.size() == kBatch) continue;
    while (sender_.take_report(now_)) ++reports_;
    now_.instant += kStep;
    now_.wall += kStep;
  }
  fmt::print("{} packets sent, {} answered, {} windows closed\n", sent_, answered_, reports_);
}

void reflect_sessions(session::Reflector& reflector, std::uint32_t targets,
                      std::uint32_t sessions) {
  std::array<std::byte, stamp::kPacketSize> packet;
  std::array<std::byte, stamp::kPacketSize> reply;
  const auto now = engine::read_clocks();
  std::uint32_t answered = 0;
  for (std::uint32_t i = 0; i < sessions; ++i) {
    stamp::encode(
        stamp::SenderPacket{.sent_at = now.wall, .ssid = static_cast<std::uint16_t>(1 + i)},
        packet);
    const session::Request request{
        .from = {IpAddress::v4(kFarAddressFirst + i % targets), kSourcePort}, .payload = packet};
    if (reflector.answer(request, now, reply) == session::Reflector::Outcome::kAnswered) ++answered;
  }
  fmt::print("{} sessions reflected, {} forgotten for want of room\n", answered,
             reflector.evicted());
}

}  // namespace

void run_memory(const Shape& shape, std::uint32_t sessions) {
  ::mallopt(M_ARENA_MAX, 2);  // as the probe
  fmt::print("{} flows to {} targets, one packet each every {}, windows of {}; {} sessions\n",
             shape.flows, shape.targets, format_duration(shape.interval),
             format_duration(shape.window), sessions);
  tell("the process, before");
  engine::Tally tally;
  auto exchange = engine::Exchange::open({.address = IpAddress::v4(0x7f000001),
                                          .source_port_first = kSourcePort,
                                          .source_port_count = kSourcePorts,
                                          .reflector_port = kSourcePort - 1},
                                         tally);
  if (!exchange) die(exchange.error().context);
  tell("with the engine's sockets and scratch");
  const auto plan = near_plan(shape, {});
  tell("with the plan");
  session::Reflector reflector;
  reflector.set_peers(plan.peers);
  reflect_sessions(reflector, shape.targets, sessions);
  tell("with the reflected sessions");
  Answered(shape, plan).run();
  fmt::print("{:<44} {:>6.1f} MiB\n", "at most, with the flows and their reports",
             resident_mib("VmHWM"));
}

}  // namespace faultline::bench
