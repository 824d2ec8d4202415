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

}  // namespace

std::uint32_t ReflectorSessions::next_reply(const Endpoint& sender, std::uint16_t ssid, Instant now,
                                            stamp::Mode mode) {
  const std::uint64_t key = std::hash<Endpoint>{}(sender) ^ std::uint64_t{ssid} << 48;
  Set& set = sets_[mixed(key) % kSets];
  auto found = std::ranges::find_if(set, [&](const Session& session) {
    return session.used && session.ssid == ssid && session.mode == mode && session.sender == sender;
  });
  if (found == set.end()) {
    found = std::ranges::min_element(set, {}, [](const Session& session) {
      return session.used ? session.last : Instant::min();
    });
    if (found->used) ++evicted_;
    *found = {.sender = sender, .ssid = ssid, .mode = mode, .used = true};
  }
  found->last = now;
  return found->replies++;
}

}  // namespace faultline::session
