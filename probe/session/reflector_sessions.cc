#include "probe/session/reflector_sessions.h"

#include <algorithm>

namespace faultline::session {
namespace {

// splitmix64's finalizer: std::hash is too regular to pick a set by its low bits.
std::size_t mixed(std::uint64_t value) {
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ value >> 27) * 0x94d049bb133111ebULL;
  return static_cast<std::size_t>(value ^ value >> 31);
}

static_assert(kSessionSsidMax == stamp::kSsidSessionMax);

}  // namespace

std::size_t ReflectorSessions::set_of(const Key& key) {
  return mixed(std::hash<Endpoint>{}(key.sender) ^ std::uint64_t{key.ssid} << 48) % kSets;
}

std::size_t ReflectorSessions::find(const Set& set, const Key& key) {
  return static_cast<std::size_t>(std::ranges::find(set.keys, key) - set.keys.begin());
}

// The newest is bit 0: a newer one shifts the others up.
void ReflectorSessions::Session::note(std::uint32_t sequence) {
  const auto ahead = static_cast<std::int32_t>(sequence - newest);
  if (untold || ahead > kReach || ahead < -kReach) {
    untold = false;
    first = newest = sequence;
    received = {1};
    return;
  }
  if (ahead <= 0) {
    const auto back = newest - sequence;
    if (back < kReceiptsKept) received[back / 64] |= std::uint64_t{1} << back % 64;
    return;
  }
  newest = sequence;
  if (ahead >= 64) {
    received[1] = ahead < 128 ? received[0] << (ahead - 64) : 0;
    received[0] = 1;
    return;
  }
  received[1] = received[1] << ahead | received[0] >> (64 - ahead);
  received[0] = received[0] << ahead | 1;
}

ReflectorSessions::Session& ReflectorSessions::begin(Set& set, const Key& key,
                                                     std::uint32_t sequence) {
  const auto age = [&](std::size_t way) {
    return set.keys[way].used ? set.sessions[way].last : Instant::min();
  };
  std::size_t oldest = 0;
  for (std::size_t way = 1; way < kWays; ++way) {
    if (age(way) < age(oldest)) oldest = way;
  }
  if (set.keys[oldest].used) ++evicted_;
  set.keys[oldest] = key;
  set.sessions[oldest] = {.first = sequence, .newest = sequence};
  return set.sessions[oldest];
}

std::uint32_t ReflectorSessions::next_reply(const Endpoint& sender, const Packet& packet,
                                            Instant now) {
  const Key key{.sender = sender, .ssid = packet.ssid, .mode = packet.mode, .used = true};
  Set& set = sets_[set_of(key)];
  const auto way = find(set, key);
  auto& session = way < kWays ? set.sessions[way] : begin(set, key, packet.sequence);
  session.note(packet.sequence);
  session.last = now;
  return session.replies++;
}

void ReflectorSessions::refuse(const Endpoint& sender, const Packet& packet) {
  const Key key{.sender = sender, .ssid = packet.ssid, .mode = packet.mode, .used = true};
  Set& set = sets_[set_of(key)];
  const auto way = find(set, key);
  if (way < kWays) set.sessions[way].untold = true;
}

std::optional<SessionRecord> ReflectorSessions::record_of(const IpAddress& sender,
                                                          const SessionName& name) const {
  const Key key{.sender = {sender, name.source_port},
                .ssid = name.ssid,
                .mode = name.authenticated ? stamp::Mode::kAuthenticated : stamp::Mode::kOpen,
                .used = true};
  const Set& set = sets_[set_of(key)];
  const auto way = find(set, key);
  if (way == kWays) return std::nullopt;
  const auto& session = set.sessions[way];
  if (session.untold) return std::nullopt;
  return SessionRecord{.session = name,
                       .first = session.first,
                       .newest = session.newest,
                       .received = session.received};
}

}  // namespace faultline::session
