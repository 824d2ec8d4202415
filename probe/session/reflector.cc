#include "probe/session/reflector.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "probe/stamp/packet.h"

namespace faultline::session {
namespace {

constexpr double kStrangerBurstSeconds = 1;
constexpr std::size_t kSequenceOctets = 4;

// How a packet is answered.
struct ReplyForm {
  stamp::Mode mode = stamp::Mode::kOpen;
  const crypto::MacKey* key = nullptr;
  std::uint32_t sequence = 0;
  bool may_choose_dscp = false;
};

// Octets beyond the base packet go back as they came, but for what TLVs ask for.
std::uint8_t write_reply(const stamp::ReceivedSenderPacket& received, const Request& request,
                         Now now, const ReplyForm& form, std::span<std::byte> out) {
  FAULTLINE_CHECK(out.size() >= request.payload.size(), "no room for the reply");
  const auto base = stamp::base_size(form.mode);
  const stamp::ReflectorPacket packet{.sequence = form.sequence,
                                      .sent_at = now.wall,
                                      .error = stamp::error_of_clock(request.clock_kept),
                                      .ssid = received.packet.ssid,
                                      .received_at = request.received_at,
                                      .sender_sequence = received.packet.sequence,
                                      .sender_timestamp = received.timestamp,
                                      .sender_error = received.error,
                                      .sender_ttl = request.ttl};
  const auto dscp = static_cast<std::uint8_t>(request.traffic_class >> 2);  // the same class back
  if (request.payload.size() < base) {  // a short reply holds all but the zeros at its end
    std::array<std::byte, stamp::kPacketSize> whole;
    stamp::encode(packet, whole);
    std::copy_n(whole.begin(), request.payload.size(), out.begin());
    return dscp;
  }
  if (form.key != nullptr) {
    stamp::encode(packet, *form.key, out);
  } else {
    stamp::encode(packet, out);
  }
  if (request.payload.size() == base) return dscp;
  std::ranges::copy(request.payload.subspan(base), out.begin() + static_cast<std::ptrdiff_t>(base));
  return stamp::reflect_tlvs({.source = request.from,
                              .destination = request.to,
                              .dscp = dscp,
                              .ecn = static_cast<std::uint8_t>(request.traffic_class & 3),
                              .clock_kept = request.clock_kept,
                              .may_choose_dscp = form.may_choose_dscp,
                              .authenticated = form.mode == stamp::Mode::kAuthenticated,
                              .key = form.key},
                             request.payload.first<kSequenceOctets>(),
                             out.first(request.payload.size()), base)
      .dscp;
}

// A small answer to a packet of any size: the way back is not what is tested.
Reflector::Answer answer_mtu(const stamp::ReceivedSenderPacket& received, const Request& request,
                             Now now, std::span<std::byte> out) {
  auto base = request;
  base.payload = request.payload.first(std::min(request.payload.size(), stamp::kPacketSize));
  const auto dscp = write_reply(received, base, now, {.sequence = received.packet.sequence}, out);
  return {Reflector::Outcome::kAnswered, dscp, base.payload.size()};
}

bool is_one_off(std::uint16_t ssid) {
  return ssid == stamp::kSsidTraceForward || ssid == stamp::kSsidMtu;
}

// What a guest is admitted for: an open packet of a test.
bool is_test(std::span<const std::byte> payload) {
  if (payload.size() < stamp::kReflectorSizeMin) return false;
  if (stamp::mode_of(payload) != stamp::Mode::kOpen) return false;
  const auto received = stamp::decode_sender(payload, stamp::Mode::kOpen);
  return received && is_one_off(received->packet.ssid);
}

}  // namespace

bool Strangers::Prefix::contains(const IpAddress& other) const {
  if (other.is_v4() != address.is_v4()) return false;
  const std::size_t octets = bits / 8;
  if (!std::equal(address.bytes().begin(), address.bytes().begin() + octets,
                  other.bytes().begin())) {
    return false;
  }
  if (bits % 8 == 0) return true;
  const int mask = 0xff << (8 - bits % 8) & 0xff;
  return ((address.bytes()[octets] ^ other.bytes()[octets]) & mask) == 0;
}

Reflector::Reflector(Strangers strangers) : strangers_(std::move(strangers)) {}

void Reflector::set_peers(const std::vector<PlanPeer>& peers, const KeyTable& keys) {
  std::vector<Peer> next;
  next.reserve(peers.size());
  for (const auto& peer : peers) {
    next.push_back({.endpoint = {peer.address, peer.reflector_port},
                    .node = peer.node,
                    .authenticates = peer.authenticates});
    const auto found = keys.find(peer.node);
    if (found != keys.end()) next.back().keys = found->second;
    if (!peer.authenticates) continue;
    const auto same = std::ranges::find_if(peers_at(peer.address), [&](const Peer& old) {
      return old.node == peer.node && old.authenticates;
    });
    if (same != peers_at(peer.address).end()) next.back().open_until = same->open_until;
  }
  std::ranges::sort(next, {}, &Peer::endpoint);
  peers_ = std::move(next);
}

void Reflector::set_strangers(Strangers strangers) {
  strangers_ = std::move(strangers);
  stranger_budget_.reset();
}

void Reflector::set_keys(const KeyTable& keys) {
  for (auto& peer : peers_) {
    const auto found = keys.find(peer.node);
    if (found != keys.end()) peer.keys = found->second;
  }
}

std::span<Reflector::Peer> Reflector::peers_at(const IpAddress& address) {
  const auto found = std::ranges::equal_range(
      peers_, address, {}, [](const Peer& peer) -> const auto& { return peer.endpoint.address; });
  return {found.begin(), found.end()};
}

bool Reflector::is_peer(const IpAddress& address) const {
  return std::ranges::binary_search(
      peers_, address, {}, [](const Peer& peer) -> const auto& { return peer.endpoint.address; });
}

bool Reflector::is_peer_reflector(const Endpoint& endpoint) const {
  return std::ranges::binary_search(peers_, endpoint, {}, &Peer::endpoint);
}

Reflector::Verdict Reflector::authenticate(std::span<Peer> peers, const Request& request,
                                           std::uint16_t ssid, stamp::Mode mode, Now now) {
  if (mode == stamp::Mode::kOpen) {
    const bool welcome = is_one_off(ssid) || std::ranges::any_of(peers, [&](const Peer& peer) {
                           return now.instant < peer.open_until;
                         });
    return {.outcome = welcome ? Outcome::kAnswered : Outcome::kOpenRefused};
  }
  for (auto& peer : peers) {
    if (peer.keys == nullptr) continue;
    for (const auto& key : peer.keys->accepted) {
      if (!stamp::is_authentic(request.payload, key)) continue;
      if (peer.authenticates && peer.open_until == Instant::max()) {
        peer.open_until = now.instant + kOpenGrace;
      }
      return {.outcome = Outcome::kAnswered, .key = &key};
    }
  }
  return {.outcome = Outcome::kForged};
}

Reflector::Outcome Reflector::admit_stranger(const Request& request, Now now) {
  const bool allowed = std::ranges::any_of(strangers_.allowed, [&](const auto& prefix) {
    return prefix.contains(request.from.address);
  });
  if (!allowed) return Outcome::kStranger;
  if (stamp::mode_of(request.payload) != stamp::Mode::kOpen) return Outcome::kForged;
  if (!stranger_budget_) {
    const double rate = strangers_.packets_per_second_max;
    stranger_budget_.emplace(rate, rate * kStrangerBurstSeconds, now.instant);
  }
  return stranger_budget_->take(now.instant) ? Outcome::kAnswered : Outcome::kLimited;
}

Reflector::Answer Reflector::answer(const Request& request, Now now, std::span<std::byte> out) {
  const auto peers = peers_at(request.from.address);
  const bool guest =
      peers.empty() && guests_.has(request.from.address, now.instant) && is_test(request.payload);
  const bool stranger = peers.empty() && !guest;
  if (stranger) {
    if (const auto outcome = admit_stranger(request, now); outcome != Outcome::kAnswered) {
      return {outcome};
    }
  }
  if (request.payload.size() < stamp::kReflectorSizeMin) return {Outcome::kMalformed};
  const auto mode = stamp::mode_of(request.payload);
  const auto received = stamp::decode_sender(request.payload, mode);
  if (!received) return {Outcome::kMalformed};
  const auto ssid = received->packet.ssid;
  if (ssid == stamp::kSsidTraceReturn) return {Outcome::kOther};
  const bool one_off = is_one_off(ssid);
  // From a reflector's port it would be answered back, and again, without end.
  if (one_off &&
      (is_peer_reflector(request.from) || guests_.is_reflector(request.from, now.instant))) {
    return {Outcome::kOther};
  }
  if (request.cut && ssid != stamp::kSsidMtu) return {Outcome::kMalformed};
  const auto verdict = stranger ? Verdict{} : authenticate(peers, request, ssid, mode, now);
  const ReflectorSessions::Packet counted{
      .ssid = ssid, .sequence = received->packet.sequence, .mode = mode};
  if (verdict.outcome != Outcome::kAnswered) {
    sessions_.refuse(request.from, counted);
    return {verdict.outcome};
  }
  if (guest && !guests_.take(now.instant)) return {Outcome::kLimited};
  if (ssid == stamp::kSsidMtu && mode == stamp::Mode::kOpen) {
    return answer_mtu(*received, request, now, out);
  }
  const auto sequence = one_off ? received->packet.sequence
                                : sessions_.next_reply(request.from, counted, now.instant);
  const auto dscp = write_reply(
      *received, request, now,
      {.mode = mode, .key = verdict.key, .sequence = sequence, .may_choose_dscp = !stranger}, out);
  return {Outcome::kAnswered, dscp, request.payload.size()};
}

Reflector::Answer Reflector::answer_trace(const Request& request, Now now,
                                          std::span<std::byte> out) {
  if (!is_peer_reflector(request.from)) {
    return {is_peer(request.from.address) ? Outcome::kOther : Outcome::kStranger};
  }
  if (request.payload.size() < stamp::kReflectorSizeMin) return {Outcome::kMalformed};
  const auto received = stamp::decode_sender(request.payload);
  if (!received) return {Outcome::kMalformed};
  if (received->packet.ssid != stamp::kSsidTraceReturn) return {Outcome::kOther};
  const auto dscp =
      write_reply(*received, request, now,
                  {.sequence = received->packet.sequence, .may_choose_dscp = true}, out);
  return {Outcome::kAnswered, dscp, request.payload.size()};
}

}  // namespace faultline::session
