// ReflectorSessions: how many packets of each session a stateful reflector has answered.
//
// Bounded: kSets sets of kWays sessions; a new session in a full set replaces the one that was
// silent longest, and evicted() counts it. To that sender it looks like a restart: its loss around
// that moment is undetermined, never wrong. With 16,000 sessions two sets in ten thousand
// are full.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/base/time.h"
#include "common/model/address.h"
#include "probe/stamp/packet.h"

namespace faultline::session {

class ReflectorSessions {
 public:
  static constexpr std::size_t kSets = 1024;
  static constexpr std::size_t kWays = 32;

  ReflectorSessions() : sets_(kSets) {}

  // The sequence number of the reply to a packet of this session: 0, 1, 2, ... The two modes count
  // apart, so that nothing unauthenticated can disturb an authenticated session's count.
  [[nodiscard]] std::uint32_t next_reply(const Endpoint& sender, std::uint16_t ssid, Instant now,
                                         stamp::Mode mode = stamp::Mode::kOpen);
  [[nodiscard]] std::uint64_t evicted() const { return evicted_; }

 private:
  struct Session {
    Endpoint sender;
    std::uint16_t ssid = 0;
    stamp::Mode mode = stamp::Mode::kOpen;
    bool used = false;
    std::uint32_t replies = 0;
    Instant last{};
  };
  using Set = std::array<Session, kWays>;

  std::vector<Set> sets_;
  std::uint64_t evicted_ = 0;
};

}  // namespace faultline::session
