#include <sys/epoll.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "common/net/udp_socket.h"
#include "common/net/unique_fd.h"
#include "probe/paths/exploration.h"
#include "probe/ping/meaning.h"
#include "probe/stamp/packet.h"
#include "probe/stamp/tlv.h"
#include "probe/tester/parts.h"

namespace faultline::tester {
namespace {

// Outside ip_local_port_range, and beside the ports that a probe measures from.
constexpr std::uint16_t kFirstPort = 61100;
constexpr std::uint16_t kPortsTried = 1024;
constexpr std::size_t kPacketMax = stamp::kPacketSize + stamp::kTlvHeader + stamp::kLocationValue;

// The sockets of all flows, and the probe that each ICMP error and answer belongs to.
class Flows {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Flows>> open(const ondemand::TestOrder& order);

  [[nodiscard]] int fd() const { return epoll_.get(); }
  [[nodiscard]] std::uint16_t port(std::uint16_t flow) const {
    return sockets_[flow]->local().port;
  }
  void send(const paths::Probe& probe, paths::Exploration& exploration) {
    Sink sink(*this, probe.flow, exploration);
    std::array<std::byte, kPacketMax> packet{};
    if (sent_at_.size() <= probe.id) sent_at_.resize(probe.id + 1);
    sent_at_[probe.id] = async::now_wall();
    stamp::encode(sent_packet(probe.id), packet);
    stamp::TlvWriter tlvs(packet, stamp::kPacketSize);
    tlvs.location();
    const net::OutgoingDatagram datagram{.to = order_.target,
                                         .payload = std::span(packet).first(tlvs.size()),
                                         .ttl = probe.ttl,
                                         .dscp = order_.dscp};
    (void)sockets_[probe.flow]->send({&datagram, 1}, sink);
  }
  void receive(paths::Exploration& exploration) {
    std::array<epoll_event, 32> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
      const auto flow = static_cast<std::uint16_t>(events[static_cast<std::size_t>(i)].data.u32);
      Sink sink(*this, flow, exploration);
      for (const auto& datagram : sockets_[flow]->receive(buffer_, sink)) {
        take(flow, datagram, exploration);
      }
    }
  }
  // What the target saw a flow come from, where that is not what it was sent from.
  [[nodiscard]] const std::string& translated() const { return translated_; }

 private:
  class Sink final : public net::ErrorQueueSink {
   public:
    Sink(Flows& flows, std::uint16_t flow, paths::Exploration& exploration)
        : flows_(flows), flow_(flow), exploration_(exploration) {}
    void on_transmit_stamp(const net::TransmitStamp&) override {}
    void on_send_failed(const net::OutgoingDatagram&, int) override {}
    void on_icmp_error(const net::IcmpError& error) override {
      const paths::Reply reply{.from = error.offender,
                               .from_target = error.offender == flows_.order_.target.address,
                               .ttl_exceeded = error.ttl_exceeded(),
                               .type = error.type,
                               .code = error.code};
      const auto now = async::now_instant();
      if (const auto quoted = stamp::decode_quote(error.quote)) {
        exploration_.on_reply(quoted->sequence, reply, now);
      } else {
        exploration_.on_unnamed_reply(flow_, reply, now);
      }
    }

   private:
    Flows& flows_;
    std::uint16_t flow_;
    paths::Exploration& exploration_;
  };

  explicit Flows(const ondemand::TestOrder& order) : order_(order) {}

  [[nodiscard]] stamp::SenderPacket sent_packet(std::uint32_t id) const {
    return {.sequence = id, .sent_at = sent_at_[id], .ssid = stamp::kSsidTraceForward};
  }
  void take(std::uint16_t flow, const net::IncomingDatagram& datagram,
            paths::Exploration& exploration) {
    const auto reply = stamp::decode_reflector(datagram.payload);
    if (!reply || datagram.from != order_.target) return;
    const auto id = reply->sender_sequence;
    if (id < 1 || id >= sent_at_.size()) return;  // forged
    if (!stamp::is_reply_to(*reply, sent_packet(id))) return;
    paths::Reply heard{.from = datagram.from.address, .from_target = true};
    if (reply->sender_ttl != 0) heard.arrived_ttl = reply->sender_ttl;
    const auto tlvs = stamp::read_reply_tlvs(datagram.payload, stamp::kPacketSize, nullptr);
    if (tlvs.location && tlvs.location->source && tlvs.unrecognized == 0) {
      const Endpoint seen{*tlvs.location->source, tlvs.location->source_port};
      const auto& local = sockets_[flow]->local();
      if (seen != local && translated_.empty()) {
        translated_ = fmt::format("the target sees {} as {}: a NAT is in the path",
                                  to_string(local), to_string(seen));
      }
    }
    exploration.on_reply(id, heard, async::now_instant());
  }

  ondemand::TestOrder order_;
  net::UniqueFd epoll_;
  std::vector<std::unique_ptr<net::UdpSocket>> sockets_;
  std::vector<WallTime> sent_at_;  // by probe's id, from 1: at most paths::kProbesMax
  net::ReceiveBuffer buffer_;
  std::string translated_;
};

Result<std::unique_ptr<Flows>> Flows::open(const ondemand::TestOrder& order) {
  auto flows = std::unique_ptr<Flows>(new Flows(order));
  flows->epoll_ = net::UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!flows->epoll_.valid()) return fail(ErrorCode::kUnavailable, std::strerror(errno));
  const std::uint32_t first = order.source_port == 0 ? kFirstPort : order.source_port;
  for (std::uint32_t port = first; flows->sockets_.size() < order.flows; ++port) {
    if (port > 65535 || port >= first + kPortsTried) {
      return fail(ErrorCode::kLimit,
                  fmt::format("of the UDP ports from {} on too few are free for {} flows; choose "
                              "others with --source-port",
                              first, order.flows));
    }
    auto socket = net::UdpSocket::open({.local = {order.source, static_cast<std::uint16_t>(port)},
                                        .receive_buffer_bytes = 1 << 17});
    if (!socket && socket.error().code == ErrorCode::kUnavailable && order.source_port == 0) {
      continue;  // in use
    }
    if (!socket) return tl::unexpected<Error>(socket.error());
    epoll_event event{.events = EPOLLIN,
                      .data = {.u32 = static_cast<std::uint32_t>(flows->sockets_.size())}};
    if (::epoll_ctl(flows->fd(), EPOLL_CTL_ADD, (*socket)->fd(), &event) != 0) {
      return fail(ErrorCode::kUnavailable, std::strerror(errno));
    }
    flows->sockets_.push_back(std::move(*socket));
  }
  return flows;
}

Json to_json(const paths::Path& path, const Flows& flows) {
  Json hops = Json::array();
  for (std::size_t i = 0; i < path.hops.size(); ++i) {
    const auto& hop = path.hops[i];
    hops.push_back({{"ttl", i + 1},
                    {"address", address_or_null(hop.address)},
                    {"sent", hop.sent},
                    {"answered", hop.answered},
                    {"rtt_us_min", microseconds(hop.rtt_min)},
                    {"rtt_us_median", microseconds(hop.rtt_median)}});
  }
  Json ports = Json::array();
  for (const auto flow : path.flows) ports.push_back(flows.port(flow));
  return {{"flows", path.flows.size()},
          {"source_ports", ports},
          {"ended", to_string(path.ended)},
          {"ended_by", address_or_null(path.ended_by)},
          {"sent", path.sent},
          {"answered", path.answered},
          {"loss_ratio",
           path.reflected ? ratio_or_null(path.sent - path.answered, path.sent) : Json(nullptr)},
          {"rtt_us_min", microseconds(path.rtt_min)},
          {"rtt_us_median", microseconds(path.rtt_median)},
          {"hops", hops}};
}

// A path that ends at the target is judged by what the target answered when asked directly.
std::string_view verdict_of(const paths::ExplorationReport& found) {
  bool reached = false, lossy = false;
  for (const auto& path : found.paths) {
    if (path.ended == paths::Ended::kLoop) return "loop";
    if (path.ended == paths::Ended::kReached) reached = true;
    const bool loses = path.reflected && path.answered < path.sent;
    if (path.ended != paths::Ended::kReached || loses) lossy = true;
  }
  if (!reached) return "not-reached";
  return lossy ? "lossy" : "reached";
}

std::string reason(const paths::Path& path) {
  const auto by = path.ended_by ? path.ended_by->to_string() : std::string("nobody");
  switch (path.ended) {
    case paths::Ended::kReached:
      return "the target answered";
    case paths::Ended::kUnreachable:
      return fmt::format(
          "{} says: {}", by,
          ping::meaning_of_icmp(path.ended_by->is_v4(), path.ended_type, path.ended_code).words);
    case paths::Ended::kSilent:
      return fmt::format("nothing beyond hop {} says anything", path.hops.size());
    case paths::Ended::kLoop:
      return fmt::format("it comes through {} again and again", by);
    case paths::Ended::kTtlLimit:
      return fmt::format("there are more than {} hops", paths::kTtlMax);
    case paths::Ended::kPending:
      break;
  }
  return "the test ended before the path was known";
}

Json report(const paths::ExplorationReport& found, const Flows& flows,
            const ondemand::TestOrder& order) {
  Json remarks = Json::array();
  for (const auto& remark : found.remarks) {
    remarks.push_back({{"kind", remark.kind}, {"text", remark.text}});
  }
  if (!flows.translated().empty()) {
    remarks.push_back({{"kind", "nat"}, {"text", flows.translated()}});
  }
  const bool reflected = std::ranges::any_of(found.paths, &paths::Path::reflected);
  const bool reached = std::ranges::any_of(
      found.paths, [](const auto& path) { return path.ended == paths::Ended::kReached; });
  if (reached && !reflected) {
    remarks.push_back({{"kind", "no-reflector"},
                       {"text", fmt::format("no STAMP reflector answers on UDP {}: the target is "
                                            "known by its ICMP, which it may limit, so loss is not "
                                            "measured",
                                            order.target.port)}});
  }
  Json all = Json::array();
  std::uint32_t sent = 0, answered = 0;
  for (const auto& path : found.paths) {
    auto row = to_json(path, flows);
    row["reason"] = reason(path);
    all.push_back(std::move(row));
    sent += path.sent;
    answered += path.answered;
  }
  const auto verdict = verdict_of(found);
  return {{"means", "UDP with rising TTL, STAMP"},
          {"outcome", verdict == "reached" ? "ok" : "fault"},
          {"verdict", verdict},
          {"summary", fmt::format("{} path{} of {} flow{}; {} of {} packets to the target answered",
                                  found.paths.size(), found.paths.size() == 1 ? "" : "s",
                                  order.flows, order.flows == 1 ? "" : "s", answered, sent)},
          {"flows", order.flows},
          {"sent", found.sent},
          {"unattributed", found.unattributed},
          {"paths", all},
          {"remarks", remarks}};
}

}  // namespace

Result<Json> run_trace(const ondemand::TestOrder& order, const RunContext& context) {
  FAULTLINE_TRY(const auto flows, Flows::open(order));
  paths::Exploration exploration(order.target.address,
                                 {.flows = order.flows,
                                  .attempts = static_cast<std::uint16_t>(order.count),
                                  .rate = order.rate,
                                  .timeout = order.timeout},
                                 async::now_instant());
  ProgressMeter meter(context);
  const auto deadline = async::now_instant() + life_of(order);
  while (!exploration.done() && !context.stop.stop_requested()) {
    const auto now = async::now_instant();
    if (now >= deadline) break;
    if (const auto probe = exploration.next(now)) {
      flows->send(*probe, exploration);
    } else {
      wait_for(flows->fd(), exploration.next_event(now));
    }
    flows->receive(exploration);
    meter.say(now, [&] { return fmt::format("{} packets sent", exploration.sent()); });
  }
  return report(exploration.report(), *flows, order);
}

}  // namespace faultline::tester
