#include "tests/bench/probe/memory.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "common/net/udp_socket.h"
#include "probe/app/memory.h"
#include "probe/engine/exchange.h"
#include "probe/session/sender.h"

namespace faultline::bench {
namespace {

constexpr Duration kStep = std::chrono::milliseconds{10};
constexpr Duration kRoundTrip = std::chrono::microseconds{100};
constexpr std::size_t kBatch = 512;
constexpr std::uint32_t kLoopbackNear = 0x7f000001;
constexpr std::uint32_t kLoopbackFarFirst = 0x7f010001;
constexpr std::uint16_t kReflectorAt = kSourcePort - 1;

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
  Answered(const Shape& shape, const Plan& plan) : sender_(1), plan_(plan) {
    sender_.set_plan(plan, now_);
    intervals_ =
        static_cast<std::uint32_t>((3 * plan.window + plan.reply_timeout) / shape.interval) + 2;
    end_ = now_.instant + std::max(intervals_ * shape.interval, 4 * plan.window);
  }
  void run();

 private:
  session::Sender sender_;
  const Plan& plan_;
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
    while (sender_.take_report(now_)) {
      if (reports_++ == 0) probe_app::release_program_pages();
    }
    now_.instant += kStep;
    now_.wall += kStep;
  }
  fmt::print("{} packets sent, {} answered, {} windows closed\n", sent_, answered_, reports_);
  tell("with the flows, between two reports");
  sender_.set_plan(plan_, now_);
  tell("the same, after a change of plan");
}

// Peers at addresses of this machine's loopback: their packets come without root.
Plan loopback_plan(std::uint32_t targets) {
  Plan plan{.revision = PlanRevision{1}, .node = NodeId{kNearNode}};
  for (std::uint32_t i = 0; i < targets; ++i) {
    plan.peers.push_back({.node = NodeId{kFarNodeFirst + i},
                          .name = fmt::format("n{}", i),
                          .address = IpAddress::v4(kLoopbackFarFirst + i),
                          .reflector_port = kReflectorPort});
  }
  return plan;
}

// A peer's sending end; its replies are not read.
class SendsOnly final : public net::ErrorQueueSink {
 public:
  explicit SendsOnly(const Endpoint& local) {
    auto udp = net::UdpSocket::open({.local = local, .receive_buffer_bytes = 1});
    if (!udp) die(udp.error().context);
    udp_ = *std::move(udp);
  }
  void send(const Endpoint& to, std::uint16_t ssid) {
    std::array<std::byte, stamp::kPacketSize> packet;
    stamp::encode(stamp::SenderPacket{.sent_at = engine::read_clocks().wall, .ssid = ssid}, packet);
    const std::array datagrams{net::OutgoingDatagram{.to = to, .payload = packet}};
    (void)udp_->send(datagrams, *this);
  }
  void on_transmit_stamp(const net::TransmitStamp& /*stamp*/) override {}
  void on_icmp_error(const net::IcmpError& /*error*/) override {}
  void on_send_failed(const net::OutgoingDatagram& /*datagram*/, int /*error_number*/) override {
    die("a packet of a session could not be sent");
  }

 private:
  std::unique_ptr<net::UdpSocket> udp_;
};

// The engine's own reflector, by its socket: it has no other way in.
void reflect_sessions(engine::Exchange& exchange, const engine::Tally& tally, std::uint32_t targets,
                      std::uint32_t sessions) {
  exchange.set_plan(loopback_plan(targets));
  const Endpoint reflector{IpAddress::v4(kLoopbackNear), kReflectorAt};
  for (std::uint32_t target = 0; target < targets; ++target) {
    SendsOnly peer({IpAddress::v4(kLoopbackFarFirst + target), kSourcePort});
    for (std::uint32_t i = target; i < sessions; i += targets) {
      peer.send(reflector, static_cast<std::uint16_t>(1 + i));
    }
    exchange.on_readable(exchange.port_count() - 1);
  }
  fmt::print("{} sessions reflected, {} forgotten for want of room\n", tally.reflected.value(),
             tally.reflector_evicted.value());
}

}  // namespace

void run_memory(const Shape& shape, std::uint32_t sessions) {
  probe_app::keep_heaps_small();
  fmt::print("{} flows to {} targets, one packet each every {}, windows of {}; {} sessions\n",
             shape.flows, shape.targets, format_duration(shape.interval),
             format_duration(shape.window), sessions);
  tell("the process, before");
  engine::Tally tally;
  auto exchange = engine::Exchange::open({.address = IpAddress::v4(kLoopbackNear),
                                          .source_port_first = kSourcePort,
                                          .source_port_count = kSourcePorts,
                                          .reflector_port = kReflectorAt},
                                         tally);
  if (!exchange) die(exchange.error().context);
  tell("with the engine's sockets and scratch");
  reflect_sessions(**exchange, tally, shape.targets, sessions);
  tell("with the reflected sessions");
  const auto plan = near_plan(shape, {});
  probe_app::release_program_pages();  // as the probe, at its first plan and its first report
  tell("with the plan");
  Answered(shape, plan).run();
  fmt::print("{:<44} {:>6.1f} MiB\n", "at most, since the start", resident_mib("VmHWM"));
}

}  // namespace faultline::bench
