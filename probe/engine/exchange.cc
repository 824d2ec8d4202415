#include "probe/engine/exchange.h"

#include <algorithm>
#include <cerrno>
#include <numeric>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "common/base/check.h"
#include "common/net/interface_mtu.h"
#include "probe/engine/session_packet.h"
#include "probe/session/transmit_times.h"
#include "probe/stamp/packet.h"
#include "probe/stamp/tlv.h"

namespace faultline::engine {
namespace {

constexpr int kReceiveRoundsMax = 64;  // more than a full socket buffer holds
constexpr int kSendRoundsMax = 2;      // batches in one call of send_due
// An answer's T3 is read when it is written, and those before it in its batch leave first: that
// would be taken for the network's delay. So batches are small unless there is much to answer.
constexpr std::size_t kFewDatagrams = 16;
constexpr std::size_t kAnswerBatch = 4;

bool is_session(std::uint16_t ssid) { return ssid != 0 && ssid <= stamp::kSsidSessionMax; }

std::size_t headers_of(const IpAddress& address) { return address.is_v4() ? 28 : 48; }

}  // namespace

session::Now read_clocks() { return {.instant = async::now_instant(), .wall = async::now_wall()}; }

// One socket, and what its error queue has to say.
class Exchange::Port final : public net::ErrorQueueSink {
 public:
  Port(Exchange& exchange, std::uint16_t number, bool reflects, std::unique_ptr<net::UdpSocket> udp)
      : exchange_(exchange), number_(number), reflects_(reflects), udp_(std::move(udp)) {}

  [[nodiscard]] std::uint16_t number() const { return number_; }
  [[nodiscard]] bool reflects() const { return reflects_; }
  [[nodiscard]] net::UdpSocket& udp() { return *udp_; }

  std::size_t send(std::span<const net::OutgoingDatagram> datagrams) {
    return udp_->send(datagrams, *this);
  }

  // Has the kernel stamp as many of the session packets that are sent next as it takes to tell
  // when each left.
  void ask_for_stamps(std::span<net::OutgoingDatagram> datagrams) {
    while (!datagrams.empty()) {
      const auto together = datagrams.first(std::min(datagrams.size(), net::kSendBatch));
      times_.begin(together.size());
      for (auto& datagram : together) {
        const auto packet = stamp::decode_quote(datagram.payload);
        datagram.stamped = times_.add({packet->ssid, packet->sequence});
      }
      datagrams = datagrams.subspan(together.size());
    }
  }
  [[nodiscard]] bool awaits_stamps() const { return times_.waits(); }
  void give_up_stamps() { note(times_.give_up()); }

  // Drops and oversized datagrams since the last call.
  [[nodiscard]] std::uint32_t take_drops() {
    return udp_->receive_drops() - std::exchange(drops_, udp_->receive_drops());
  }
  [[nodiscard]] std::uint32_t take_oversized() {
    return udp_->oversized() - std::exchange(oversized_, udp_->oversized());
  }

  void on_transmit_stamp(const net::TransmitStamp& stamp) override {
    const auto packet = sent_packet(stamp.frame, number_);
    if (!packet) return;
    if (!is_session(packet->ssid)) return;
    note(times_.on_stamp({packet->ssid, packet->sequence}, stamp.sent_at));
  }

  void on_icmp_error(const net::IcmpError& error) override {
    exchange_.tally_.icmp_errors.add();
    if (error.offender == exchange_.config_.address)
      return;  // our own kernel's, about the first hop
    trace::HopError hop{
        .from = error.offender, .sequence = std::nullopt, .ttl_exceeded = error.ttl_exceeded()};
    auto direction = reflects_ ? Direction::kReturn : Direction::kForward;
    if (const auto quoted = stamp::decode_quote(error.quote)) {
      if (quoted->ssid != (reflects_ ? stamp::kSsidTraceReturn : stamp::kSsidTraceForward)) return;
      hop.sequence = quoted->sequence;
    } else if (!hop.ttl_exceeded) {
      return;  // it may be about a session's packet; only traces run out of TTL
    }
    (void)exchange_.tracer_.on_error(number_, error.destination, direction, hop,
                                     async::now_instant());
  }

  void on_send_failed(const net::OutgoingDatagram& datagram, int error_number) override {
    exchange_.tally_.send_failures.add();
    const auto packet = stamp::decode_quote(datagram.payload);
    const session::PacketName name{number_, packet->ssid, packet->sequence};
    if (datagram.unfragmented && error_number == EMSGSIZE) {
      exchange_.sender_.on_too_large(name);
    } else {
      exchange_.sender_.on_send_failed(name);
    }
  }

 private:
  void note(session::TransmitTimes::Departures departures) {
    for (const auto& [packet, at] : departures) {
      const session::PacketName name{number_, packet.ssid, packet.sequence};
      if (!at) {
        exchange_.sender_.on_stamp_lost(name);
      } else if (exchange_.sender_.on_transmit_stamp(name, *at)) {
        exchange_.tally_.transmit_stamps.add();
      }
    }
  }

  Exchange& exchange_;
  std::uint16_t number_;
  bool reflects_;
  std::unique_ptr<net::UdpSocket> udp_;
  session::TransmitTimes times_;
  std::uint32_t drops_ = 0;
  std::uint32_t oversized_ = 0;
};

Exchange::Exchange(const EngineConfig& config, Tally& tally)
    : config_(config),
      tally_(tally),
      local_{.address = config.address,
             .source_port_first = config.source_port_first,
             .source_port_count = config.source_port_count},
      sender_(config.seed),
      reflector_(config.strangers),
      replies_(net::kReceiveBatch) {
  due_.reserve(kSendBatch);
  outgoing_.reserve(std::max(kSendBatch, net::kReceiveBatch));
  due_order_.resize(kSendBatch);
  due_by_port_.resize(config.source_port_count + 1U);
}

Exchange::~Exchange() = default;

Result<std::unique_ptr<Exchange>> Exchange::open(const EngineConfig& config, Tally& tally) {
  const unsigned last = config.source_port_first + config.source_port_count - 1U;
  if (config.source_port_first == 0 || config.source_port_count == 0 ||
      config.source_port_count > kSourcePortsMax || last > 65'535) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{} source ports from {} are not a usable range (1 to {} ports)",
                            config.source_port_count, config.source_port_first, kSourcePortsMax));
  }
  if (config.reflector_port == 0 ||
      (config.reflector_port >= config.source_port_first && config.reflector_port <= last)) {
    return fail(ErrorCode::kInvalid,
                fmt::format("reflector port {} must not be 0 or one of the source ports {} to {}",
                            config.reflector_port, config.source_port_first, last));
  }
  std::unique_ptr<Exchange> exchange(new Exchange(config, tally));
  FAULTLINE_TRY_STATUS(exchange->open_ports());
  return exchange;
}

Status Exchange::open_ports() {
  for (std::uint16_t i = 0; i < config_.source_port_count; ++i) {
    const auto number = static_cast<std::uint16_t>(config_.source_port_first + i);
    FAULTLINE_TRY(auto udp, net::UdpSocket::open({.local = {config_.address, number}}));
    ports_.push_back(std::make_unique<Port>(*this, number, false, std::move(udp)));
  }
  FAULTLINE_TRY(auto udp, net::UdpSocket::open({.local = {config_.address, config_.reflector_port},
                                                .traffic_class = true,
                                                .heads = true}));
  ports_.push_back(std::make_unique<Port>(*this, config_.reflector_port, true, std::move(udp)));
  return {};
}

int Exchange::fd(std::size_t port) const { return ports_[port]->udp().fd(); }

Exchange::Port& Exchange::source_port(std::uint16_t number) {
  FAULTLINE_CHECK(local_.owns_port(number), "not a source port of this probe");
  return *ports_[number - config_.source_port_first];
}

void Exchange::set_keys(const session::KeyTable& keys) {
  reflector_.set_keys(keys);
  sender_.set_keys(keys);
}

void Exchange::set_plan(const Plan& plan, const std::shared_ptr<const session::KeyTable>& keys) {
  if (!session::validate_plan(plan, local_)) {
    tally_.plans_refused.add();
    return;
  }
  const auto now = read_clocks();
  const session::KeyTable none;
  const auto& known = keys == nullptr ? none : *keys;
  reflector_.set_peers(plan.peers, known);
  size_max_ = static_cast<std::uint16_t>(
      std::min<std::uint32_t>(net::interface_mtu(config_.address).value_or(0), kFlowSizeMax));
  const bool any_large =
      std::ranges::any_of(plan.flows, [](const PlanFlow& flow) { return flow.size != 0; });
  const bool any_class =
      std::ranges::any_of(plan.flows, [](const PlanFlow& flow) { return flow.dscp != 0; });
  for (const auto& port : ports_) {
    if (any_class) port->udp().report_traffic_class();
  }
  // Kept from then on: a flow whose size is checked goes on with it until its window ends.
  if (any_large) large_packets_.resize(kLargeBatch);
  sender_.set_plan(plan, now, known, size_max_);
  tracer_.set_rate(trace_probes_per_second(plan), now.instant);
}

void Exchange::boost(const Boost& boost) { sender_.boost(boost, read_clocks()); }

void Exchange::stop_measuring() { sender_.stop(read_clocks()); }

void Exchange::finish_measuring(Duration grace) {
  sender_.finish(read_clocks(), grace);
  finishing_ = true;
}

bool Exchange::may_trace(const trace::TraceOrder& order) const {
  if (order.direction == Direction::kForward) {
    return local_.owns_port(order.local_port) && reflector_.is_peer_reflector(order.remote);
  }
  return order.local_port == config_.reflector_port && order.remote.port != 0 &&
         reflector_.is_peer(order.remote.address);
}

void Exchange::trace(const trace::TraceOrder& order) {
  if (may_trace(order) && tracer_.add(order)) return;
  tally_.traces_refused.add();
  trace::TraceResult refusal;
  refusal.id = order.id;
  refusal.ended = PathEnd::kRefused;
  refused_traces_.push_back(refusal);  // taken before the next command is carried out
}

std::size_t Exchange::send_due() {
  const auto now = read_clocks();
  std::size_t packets = 0;
  for (int round = 0; round < kSendRoundsMax; ++round) {
    const auto due = send_sessions(now);
    packets += due;
    if (due < kSendBatch) break;
  }
  return packets + send_traces(now);
}

// A counting sort: nothing is allocated, and no packet is moved.
void Exchange::order_by_port() {
  const auto index = [this](const session::Outgoing& due) {
    return static_cast<std::size_t>(due.source_port - config_.source_port_first);
  };
  std::ranges::fill(due_by_port_, std::uint16_t{0});
  for (const auto& due : due_) ++due_by_port_[index(due) + 1];
  std::partial_sum(due_by_port_.begin(), due_by_port_.end(), due_by_port_.begin());
  for (std::uint16_t i = 0; i < due_.size(); ++i) due_order_[due_by_port_[index(due_[i])]++] = i;
}

// Due packet number `due`; it joins outgoing_ next. One with a class asks for it on the way back,
// and what it came with; what is longer than that is padding, which alone may follow the HMAC TLV.
std::span<const std::byte> Exchange::encode(std::size_t due) {
  auto& packet = due_[due];
  packet.packet.error = stamp::error_of_clock(clock_kept_);
  const auto headers = headers_of(packet.to.address);
  const bool large = packet.kind.size > headers;
  const auto room =
      large ? std::span(large_packets_[outgoing_.size()]).first(packet.kind.size - headers)
            : std::span<std::byte>(packets_[due]);
  stamp::TlvWriter tlvs(room, encode_base(packet, room).size());
  if (packet.kind.dscp != 0) {
    tlvs.class_of_service(packet.kind.dscp);
    if (packet.key != nullptr) tlvs.hmac(*packet.key);
  }
  if (large) tlvs.extra_padding(room.size() - tlvs.size() - stamp::kTlvHeader);
  return room.first(tlvs.size());
}

std::size_t Exchange::send_sessions(session::Now now) {
  due_.clear();
  outgoing_.clear();
  sender_.take_due(now, kSendBatch, due_);
  order_by_port();
  for (std::size_t first = 0; first < due_.size();) {
    const auto number = due_[due_order_[first]].source_port;
    std::size_t end = first;
    while (end < due_.size() && due_[due_order_[end]].source_port == number) ++end;
    for (const bool large : {false, true}) {  // apart, for the socket changes its mode for these
      for (std::size_t i = first; i < end; ++i) {
        const auto& due = due_[due_order_[i]];
        if ((due.kind.size != 0) != large) continue;
        if (large && outgoing_.size() == kLargeBatch) flush(number, large);
        outgoing_.push_back({.to = due.to,
                             .payload = encode(due_order_[i]),
                             .dscp = due.kind.dscp,
                             .unfragmented = large});
      }
      flush(number, large);
    }
    first = end;
  }
  return due_.size();
}

void Exchange::flush(std::uint16_t number, bool large) {
  if (outgoing_.empty()) return;
  auto& port = source_port(number);
  if (config_.transmit_stamps && !large) port.ask_for_stamps(outgoing_);
  tally_.sent.add(port.send(outgoing_));
  outgoing_.clear();
}

std::size_t Exchange::send_traces(session::Now now) {
  std::size_t packets = 0;
  const auto may_send = [&](const Endpoint& to) {
    return sender_.take_budget(to.address, now.instant);
  };
  while (auto probe = tracer_.take_due(now.instant, may_send)) {
    probe->packet.sent_at = now.wall;
    probe->packet.error = stamp::error_of_clock(clock_kept_);
    Packet packet;
    stamp::encode(probe->packet, packet);
    const net::OutgoingDatagram datagram{.to = probe->remote,
                                         .payload = std::span(packet).first(stamp::kPacketSize),
                                         .ttl = probe->ttl};
    const bool forward = probe->packet.ssid == stamp::kSsidTraceForward;
    Port& port = forward ? source_port(probe->local_port) : reflector_port();
    tally_.sent.add(port.send({&datagram, 1}));
    ++packets;
  }
  return packets;
}

Instant Exchange::next_due() {
  const auto now = read_clocks();
  if (!refused_traces_.empty()) return now.instant;
  return std::min(sender_.next_due(now), tracer_.next_due(now.instant));
}

std::size_t Exchange::on_readable(std::size_t index, bool errors) {
  Port& port = *ports_[index];
  std::size_t count = 0;
  for (int round = 0; round < kReceiveRoundsMax; ++round) {
    const bool drain = round == 0 && (errors || port.awaits_stamps());
    const auto datagrams = port.udp().receive(receive_buffer_, port, drain);
    if (!datagrams.empty()) port.give_up_stamps();
    receive(port, datagrams);
    count += datagrams.size();
    if (datagrams.size() < net::kReceiveBatch) break;
  }
  note_drops(port);
  return count;
}

void Exchange::receive(Port& port, std::span<const net::IncomingDatagram> datagrams) {
  if (datagrams.empty()) return;
  const auto now = read_clocks();
  sender_.note_clock(now);
  outgoing_.clear();
  const auto answer_batch = datagrams.size() <= kFewDatagrams ? kAnswerBatch : net::kReceiveBatch;
  for (const auto& datagram : datagrams) {
    if (outgoing_.size() == answer_batch) {
      tally_.reflected.add(port.send(outgoing_));
      outgoing_.clear();
    }
    const WallTime received_at = datagram.received_at.value_or(now.wall);
    const session::Request request{.from = datagram.from,
                                   .payload = datagram.payload,
                                   .ttl = datagram.ttl,
                                   .received_at = received_at,
                                   .traffic_class = datagram.traffic_class,
                                   .to = port.udp().local(),
                                   .clock_kept = clock_kept_,
                                   .cut = datagram.cut};
    const auto room = std::span(replies_[outgoing_.size()]).first(datagram.payload.size());
    if (const auto reply = answer(port, request, room)) {
      const auto size = reply->size + headers_of(datagram.from.address);
      outgoing_.push_back({.to = datagram.from,
                           .payload = room.first(reply->size),
                           .dscp = reply->dscp,
                           .unfragmented = size >= kFlowSizeMin && size <= size_max_ &&
                                           reflector_.is_peer(datagram.from.address)});
    } else if (!port.reflects()) {
      on_reply(port, datagram, received_at);
    }
  }
  if (!outgoing_.empty()) tally_.reflected.add(port.send(outgoing_));
  tally_.reflector_evicted.add(reflector_.evicted() -
                               std::exchange(evicted_, reflector_.evicted()));
}

std::optional<session::Reflector::Answer> Exchange::answer(const Port& port,
                                                           const session::Request& request,
                                                           std::span<std::byte> out) {
  using Outcome = session::Reflector::Outcome;
  if (!port.reflects()) {  // nearly always a reply, which needs no look for its sender
    const auto packet = stamp::decode_quote(request.payload);
    if (!packet || packet->ssid != stamp::kSsidTraceReturn) return std::nullopt;
  }
  const auto now = read_clocks();
  if (!port.reflects()) {
    const auto answer = reflector_.answer_trace(request, now, out);
    return answer == Outcome::kAnswered ? std::optional(answer) : std::nullopt;
  }
  const auto answer = reflector_.answer(request, now, out);
  if (answer != Outcome::kMalformed && answer != Outcome::kOther) {
    heard_.note(request.from.address, answer != Outcome::kAnswered, now.wall);
  }
  if (answer == Outcome::kAnswered) return answer;
  if (answer == Outcome::kOther) {  // the answer to a return trace
    const auto reply = stamp::decode_reflector(request.payload);
    const bool matched = reply && tracer_.on_answer(port.number(), request.from, Direction::kReturn,
                                                    reply->sender_sequence);
    (matched ? tally_.replies : tally_.replies_unmatched).add();
  } else {
    count_refusal(answer.outcome);
  }
  return std::nullopt;
}

void Exchange::count_refusal(session::Reflector::Outcome outcome) {
  using Outcome = session::Reflector::Outcome;
  switch (outcome) {
    case Outcome::kMalformed:
      tally_.malformed.add();
      return;
    case Outcome::kStranger:
      tally_.reflector_refused.add();
      break;
    case Outcome::kForged:
      tally_.reflector_forged.add();
      break;
    case Outcome::kOpenRefused:
      tally_.reflector_open_refused.add();
      break;
    case Outcome::kLimited:
      tally_.reflector_limited.add();
      break;
    case Outcome::kAnswered:
    case Outcome::kOther:
      return;
  }
  sender_.note_reflector_refused(1);
}

void Exchange::on_reply(const Port& port, const net::IncomingDatagram& datagram,
                        WallTime received) {
  const auto mode = stamp::mode_of(datagram.payload);
  const auto reply = stamp::decode_reflector(datagram.payload, mode);
  if (!reply) {
    tally_.malformed.add();
    return;
  }
  const auto authenticated =
      mode == stamp::Mode::kAuthenticated ? datagram.payload : std::span<const std::byte>{};
  const bool matched =
      reply->ssid == stamp::kSsidTraceForward
          ? tracer_.on_answer(port.number(), datagram.from, Direction::kForward,
                              reply->sender_sequence)
          : sender_.on_reply(port.number(), datagram.from, *reply, received, authenticated,
                             {.ttl = datagram.ttl,
                              .dscp = static_cast<std::uint8_t>(datagram.traffic_class >> 2),
                              .datagram = datagram.payload});
  const auto forged = sender_.take_forged();
  tally_.replies_forged.add(forged);
  if (forged == 0) (matched ? tally_.replies : tally_.replies_unmatched).add();
}

void Exchange::note_drops(Port& port) {
  const auto drops = port.take_drops();
  tally_.receive_drops.add(drops);
  sender_.note_receive_drops(drops);
  tally_.malformed.add(port.take_oversized());
}

}  // namespace faultline::engine
