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

// Room at the beginning: enough for a flow that sends once in much longer than a window.
constexpr std::uint32_t kPacketsFirst = 2;
constexpr std::uint16_t kArrivalsMax = 7;
constexpr std::uint16_t kDuplicatesMax = 15;

// (T4 - T1) - (T3 - T2), or nothing when a clock was set meanwhile.
std::optional<Duration> round_trip(WallTime t1, const stamp::ReflectorPacket& reply, WallTime t4) {
  const Duration total = t4 - t1;
  const Duration dwell = reply.sent_at - reply.received_at;
  if (dwell < Duration::zero() || dwell > total) return std::nullopt;
  return total - dwell;
}

}  // namespace

Fate Flow::Packet::fate() const {
  return {.sent = refused == 0,
          .arrivals = static_cast<std::uint8_t>(arrivals),
          .reply_low = reply_low,
          .reply_high = reply_high};
}

void Flow::Packet::count_arrival(std::uint32_t reply) {
  if (arrivals == 0) {
    arrivals = 1;
    reply_low = reply_high = reply;
    return;
  }
  if (duplicates < kDuplicatesMax) ++duplicates;
  if (reply == reply_low || reply == reply_high) return;  // duplicated on the way back
  if (arrivals < kArrivalsMax) ++arrivals;
  if (later(reply_low, reply)) reply_low = reply;
  if (later(reply, reply_high)) reply_high = reply;
}

void Flow::Packet::set_rtt(Duration rtt) {
  timed = 1;
  in_us = std::in_range<std::uint32_t>(rtt.count()) ? 0 : 1;
  time = static_cast<std::uint32_t>(in_us != 0 ? rtt / std::chrono::microseconds{1} : rtt.count());
}

Flow::Flow(FlowId id, NodeId target, std::uint16_t ssid, std::size_t capacity,
           WindowNumber reported_from)
    : reported_from_(reported_from),
      capacity_(static_cast<std::uint32_t>(std::bit_ceil(capacity))),
      room_(std::min(capacity_, kPacketsFirst)),
      target_(target),
      id_(id),
      ssid_(ssid) {
  packets_ = std::make_unique<Packet[]>(room_);
  FAULTLINE_CHECK(capacity > 0, "a flow needs room for a packet");
}

void Flow::set_capacity(std::size_t capacity) {
  const auto wanted = std::bit_ceil(std::max<std::size_t>(capacity, next_ - first_));
  capacity_ = static_cast<std::uint32_t>(wanted);
  if (capacity_ < room_) resize(capacity_);
}

void Flow::resize(std::uint32_t room) {
  auto packets = std::make_unique<Packet[]>(room);
  for (auto s = first_; s != next_; ++s) packets[s & (room - 1)] = at(s);
  packets_ = std::move(packets);
  room_ = room;
}

std::uint32_t Flow::send(WallTime now, WindowNumber window, std::uint8_t epoch) {
  FAULTLINE_CHECK(!full(), "no room for another packet");
  if (next_ - first_ == room_) resize(2 * room_);
  at(next_) = {.sent = now,
               .window = static_cast<std::uint8_t>(window),
               .epoch = epoch,
               .authenticated = signs_};
  watch_.sent();
  return next_++;
}

void Flow::on_send_failed(std::uint32_t sequence) {
  auto* packet = find(sequence);
  if (packet == nullptr) return;
  packet->refused = 1;
  watch_.settled(next_ - 1 - sequence);
}

bool Flow::on_transmit_stamp(std::uint32_t sequence, WallTime stamp) {
  auto* packet = find(sequence);
  if (packet == nullptr) return false;
  if (packet->arrivals > 0) return true;  // too late to be of use
  const auto offset = (stamp - packet->sent).count();
  packet->stamp_lost = std::in_range<std::int32_t>(offset) ? 0 : 1;
  if (packet->stamp_lost == 0) packet->time = static_cast<std::uint32_t>(offset);
  return true;
}

void Flow::on_stamp_lost(std::uint32_t sequence) {
  auto* packet = find(sequence);
  if (packet != nullptr && packet->arrivals == 0) packet->stamp_lost = 1;
}

bool Flow::is_genuine(const stamp::ReflectorPacket& reply,
                      std::span<const std::byte> authenticated) const {
  if (!at_hand(reply.sender_sequence)) return true;
  const auto& packet = at(reply.sender_sequence);
  if (reply.sender_timestamp != stamp::to_ntp(packet.sent)) return false;
  if ((packet.authenticated != 0) != !authenticated.empty()) return false;
  if (packet.authenticated == 0) return true;
  return stamp::is_authentic(authenticated, keys_->sending) ||
         (keys_->sent_before && stamp::is_authentic(authenticated, *keys_->sent_before));
}

bool Flow::on_reply(const stamp::ReflectorPacket& reply, WallTime received, Duration timeout,
                    std::uint8_t epoch) {
  auto* packet = find(reply.sender_sequence);
  if (packet == nullptr || packet->refused != 0) return false;
  const bool first = packet->arrivals == 0;
  packet->count_arrival(reply.sequence);
  if (!first) return true;
  if (packet->epoch == epoch && packet->stamp_lost == 0) {
    const auto stamp = packet->stamp();
    packet->late = received - stamp > timeout ? 1 : 0;
    if (const auto rtt = round_trip(stamp, reply, received)) packet->set_rtt(*rtt);
  }
  const bool overtaken = newest_answered_ && later(*newest_answered_, reply.sender_sequence);
  packet->reordered = overtaken ? 1 : 0;
  if (!overtaken) newest_answered_ = reply.sender_sequence;
  return true;
}

std::optional<stamp::ClassOfService> Flow::told_class(const Packet& packet,
                                                      std::span<const std::byte> datagram) const {
  if (packet.authenticated == 0) {
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
  packet->class_told = 1;
  packet->class_changed = told->dscp_received != kind_.dscp ? 1 : 0;
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

std::uint32_t Flow::end_of(WindowNumber window) const {
  const auto number = static_cast<std::uint8_t>(window);
  auto end = first_;
  while (end != next_ && at(end).window == number) ++end;
  return end;
}

std::vector<Fate> Flow::fates(std::uint32_t end, const SessionRecord* told) const {
  std::vector<Fate> fates;
  fates.reserve(next_ - first_);
  for (auto s = first_; s != next_; ++s) {
    auto fate = at(s).fate();
    const bool of_record =
        told != nullptr && (at(s).authenticated != 0) == told->session.authenticated;
    if (of_record && s - first_ < end - first_) fate.told = receipt_of(*told, s);
    fates.push_back(fate);
  }
  return fates;
}

bool Flow::leaves_open(WindowNumber window) const {
  const auto end = end_of(window);
  bool all_answered = true;
  for (auto s = first_; s != end && all_answered; ++s) {
    all_answered = at(s).refused != 0 || at(s).arrivals > 0;
  }
  if (all_answered) return false;
  auto anchor = anchor_;
  return attribute_loss(anchor, fates(end, nullptr), end - first_).undetermined > 0;
}

FlowWindow Flow::close(WindowNumber window, std::vector<std::uint64_t>& rtts,
                       const SessionRecord* told) {
  const auto kind = kind_in(window);
  if (window == checked_in_) checked_size_ = 0;
  FlowWindow result{
      .target = target_, .source_port = id_.source_port, .size = kind.size, .dscp = kind.dscp};
  const auto end = end_of(window);
  std::uint64_t rtt_sum = 0;
  std::uint64_t rtt_count = 0;
  for (auto s = first_; s != end; ++s) {
    const Packet& packet = at(s);
    if (packet.refused != 0) continue;
    ++result.sent;
    result.duplicated += packet.duplicates;
    result.reordered += packet.reordered;
    result.late += packet.late;
    result.dscp_rewritten += packet.class_changed;
    if (packet.class_told != 0) {
      result.dscp_there = dscp_there_;
      result.dscp_back = dscp_back_;
    }
    if (packet.timed == 0) continue;
    const auto rtt = packet.rtt_ns();
    rtts.push_back(rtt);
    result.rtt_min_ns = rtt_count == 0 ? rtt : std::min(result.rtt_min_ns, rtt);
    result.rtt_max_ns = std::max(result.rtt_max_ns, rtt);
    rtt_sum += rtt;
    ++rtt_count;
  }
  if (rtt_count > 0) result.rtt_mean_ns = rtt_sum / rtt_count;

  const auto loss = attribute_loss(anchor_, fates(end, told), end - first_);
  result.lost_forward = loss.forward;
  result.lost_return = loss.returning;
  result.lost_undetermined = loss.undetermined;
  first_ = end;
  return result;
}

}  // namespace faultline::session
