#include "probe/session/flow.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "common/base/check.h"

namespace faultline::session {
namespace {

// a is later than b, across the wrap of 32 bits (RFC 1982).
bool later(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) > 0; }

void count_arrival(Fate& fate, std::uint32_t reply) {
  if (fate.arrivals == 0) {
    fate = {.arrivals = 1, .reply_low = reply, .reply_high = reply};
    return;
  }
  if (reply == fate.reply_low || reply == fate.reply_high) return;  // duplicated on the way back
  if (fate.arrivals < std::numeric_limits<std::uint8_t>::max()) ++fate.arrivals;
  if (later(fate.reply_low, reply)) fate.reply_low = reply;
  if (later(reply, fate.reply_high)) fate.reply_high = reply;
}

// (T4 - T1) - (T3 - T2), or -1 when a clock was set meanwhile.
std::int64_t round_trip(WallTime t1, const stamp::ReflectorPacket& reply, WallTime t4) {
  const Duration total = t4 - t1;
  const Duration dwell = reply.sent_at - reply.received_at;
  if (dwell < Duration::zero() || dwell > total) return -1;
  return (total - dwell).count();
}

}  // namespace

Flow::Flow(FlowId id, NodeId target, std::uint16_t ssid, std::size_t capacity,
           WindowNumber reported_from)
    : id_(id),
      target_(target),
      ssid_(ssid),
      reported_from_(reported_from),
      packets_(std::bit_ceil(capacity)) {
  FAULTLINE_CHECK(capacity > 0, "a flow needs room for a packet");
}

void Flow::set_capacity(std::size_t capacity) {
  const auto wanted = std::bit_ceil(std::max<std::size_t>(capacity, next_ - first_));
  if (wanted == packets_.size()) return;
  std::vector<Packet> packets(wanted);
  for (auto s = first_; s != next_; ++s) packets[s & (wanted - 1)] = at(s);
  packets_ = std::move(packets);
}

std::uint32_t Flow::send(WallTime now, WindowNumber window, std::uint8_t epoch) {
  FAULTLINE_CHECK(!full(), "no room for another packet");
  at(next_) = {.sent = now, .window = window, .epoch = epoch, .authenticated = signs_};
  watch_.sent();
  return next_++;
}

void Flow::on_send_failed(std::uint32_t sequence) {
  auto* packet = find(sequence);
  if (packet == nullptr) return;
  packet->fate.sent = false;
  watch_.settled(next_ - 1 - sequence);
}

bool Flow::on_transmit_stamp(std::uint32_t sequence, WallTime stamp) {
  auto* packet = find(sequence);
  if (packet == nullptr) return false;
  const auto offset = (stamp - packet->sent).count();
  packet->stamp_lost = !std::in_range<std::int32_t>(offset);
  if (!packet->stamp_lost) packet->stamp_offset = static_cast<std::int32_t>(offset);
  return true;
}

bool Flow::is_genuine(const stamp::ReflectorPacket& reply,
                      std::span<const std::byte> authenticated) const {
  if (!at_hand(reply.sender_sequence)) return true;
  const auto& packet = at(reply.sender_sequence);
  if (reply.sender_timestamp != stamp::to_ntp(packet.sent)) return false;
  if (packet.authenticated != !authenticated.empty()) return false;
  if (!packet.authenticated) return true;
  return stamp::is_authentic(authenticated, keys_->sending) ||
         (keys_->sent_before && stamp::is_authentic(authenticated, *keys_->sent_before));
}

bool Flow::on_reply(const stamp::ReflectorPacket& reply, WallTime received, Duration timeout,
                    std::uint8_t epoch) {
  auto* packet = find(reply.sender_sequence);
  if (packet == nullptr || !packet->fate.sent) return false;
  const bool first = packet->fate.arrivals == 0;
  count_arrival(packet->fate, reply.sequence);
  if (!first) {
    if (packet->duplicates < std::numeric_limits<std::uint16_t>::max()) ++packet->duplicates;
    return true;
  }
  if (packet->epoch == epoch && !packet->stamp_lost) {
    packet->rtt_ns = round_trip(packet->stamp(), reply, received);
    packet->late = received - packet->stamp() > timeout;
  }
  packet->reordered = newest_answered_ && later(*newest_answered_, reply.sender_sequence);
  if (!packet->reordered) newest_answered_ = reply.sender_sequence;
  return true;
}

std::optional<stamp::ClassOfService> Flow::told_class(const Packet& packet,
                                                      std::span<const std::byte> datagram) const {
  if (!packet.authenticated) {
    return stamp::read_reply_tlvs(datagram, stamp::kPacketSize, nullptr).class_of_service;
  }
  const auto told = stamp::read_reply_tlvs(datagram, stamp::kAuthenticatedSize, &keys_->sending);
  if (!told.integrity_failed || !keys_->sent_before) return told.class_of_service;
  return stamp::read_reply_tlvs(datagram, stamp::kAuthenticatedSize, &*keys_->sent_before)
      .class_of_service;
}

void Flow::on_arrival(const stamp::ReflectorPacket& reply, const Arrival& arrival) {
  auto* packet = find(reply.sender_sequence);
  if (packet == nullptr) return;
  watch_.settled(next_ - 1 - reply.sender_sequence);
  watch_.arrived({.there = reply.sender_ttl, .back = arrival.ttl});
  if (kind_.dscp == 0) return;
  const auto told = told_class(*packet, arrival.datagram);
  if (!told) return;
  packet->class_told = true;
  packet->class_changed = told->dscp_received != kind_.dscp;
  dscp_there_ = told->dscp_received;
  // Refused: the reply went out with another class than is asked for.
  dscp_back_ = told->refused == 0 ? std::optional(arrival.dscp) : std::nullopt;
}

std::optional<HintReason> Flow::take_hint(WallTime now, Duration patience, WindowNumber window) {
  if (watch_.is_calm() || !reported_in(window)) return std::nullopt;
  std::uint32_t young = 0;
  while (young < next_ - first_ && young < FlowWatch::kYoungMax &&
         at(next_ - 1 - young).sent + patience > now) {
    ++young;
  }
  return watch_.take(young, window);
}

FlowWindow Flow::close(WindowNumber window, std::vector<std::uint64_t>& rtts) {
  FlowWindow result{
      .target = target_, .source_port = id_.source_port, .size = kind_.size, .dscp = kind_.dscp};
  std::uint32_t end = first_;
  std::uint64_t rtt_sum = 0;
  std::uint64_t rtt_count = 0;
  for (; end != next_ && at(end).window == window; ++end) {
    const Packet& packet = at(end);
    if (!packet.fate.sent) continue;
    ++result.sent;
    result.duplicated += packet.duplicates;
    result.reordered += packet.reordered ? 1 : 0;
    result.late += packet.late ? 1 : 0;
    result.dscp_rewritten += packet.class_changed ? 1 : 0;
    if (packet.class_told) {
      result.dscp_there = dscp_there_;
      result.dscp_back = dscp_back_;
    }
    if (packet.rtt_ns < 0) continue;
    const auto rtt = static_cast<std::uint64_t>(packet.rtt_ns);
    rtts.push_back(rtt);
    result.rtt_min_ns = rtt_count == 0 ? rtt : std::min(result.rtt_min_ns, rtt);
    result.rtt_max_ns = std::max(result.rtt_max_ns, rtt);
    rtt_sum += rtt;
    ++rtt_count;
  }
  if (rtt_count > 0) result.rtt_mean_ns = rtt_sum / rtt_count;

  std::vector<Fate> fates;
  fates.reserve(next_ - first_);
  for (auto s = first_; s != next_; ++s) fates.push_back(at(s).fate);
  const auto loss = attribute_loss(anchor_, fates, end - first_);
  result.lost_forward = loss.forward;
  result.lost_return = loss.returning;
  result.lost_undetermined = loss.undetermined;
  first_ = end;
  return result;
}

}  // namespace faultline::session
