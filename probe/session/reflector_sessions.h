// ReflectorSessions: how many packets of each session a stateful reflector has answered, and which
// of the newest (common/model/receipts.h).
//
// Bounded: kSets sets of kWays sessions; a new session in a full set replaces the one that was
// silent longest, and evicted() counts it. To that sender it looks like a restart: its loss around
// that moment is undetermined, never wrong. With 16,000 sessions two sets in ten thousand
// are full.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/time.h"
#include "common/model/address.h"
#include "common/model/receipts.h"
#include "probe/stamp/packet.h"

namespace faultline::session {

class ReflectorSessions {
 public:
  static constexpr std::size_t kSets = 1024;
  static constexpr std::size_t kWays = 32;
  // A packet so far from the newest begins the record anew: else one with a forged number would
  // silence it for as long as its session lasts.
  static constexpr std::int32_t kReach = 4096;

  ReflectorSessions() : sets_(kSets) {}

  struct Packet {
    std::uint16_t ssid = 0;
    std::uint32_t sequence = 0;  // the sender's
    stamp::Mode mode = stamp::Mode::kOpen;
  };

  // The sequence number of the reply to this packet of its session: 0, 1, 2, ... The two modes
  // count apart, so that nothing unauthenticated can disturb an authenticated session's count.
  [[nodiscard]] std::uint32_t next_reply(const Endpoint& sender, const Packet& packet, Instant now);
  // A packet that came and is not answered. Nothing more is told of its session, if it is known,
  // until its record has begun anew with the next packet that is: it must not say that this one
  // never came. The count of replies goes on.
  void refuse(const Endpoint& sender, const Packet& packet);
  // Empty: the session is not known, or nothing is told of it.
  [[nodiscard]] std::optional<SessionRecord> record_of(const IpAddress& sender,
                                                       const SessionName& name) const;
  [[nodiscard]] std::uint64_t evicted() const { return evicted_; }

 private:
  struct Key {
    Endpoint sender;
    std::uint16_t ssid = 0;
    stamp::Mode mode = stamp::Mode::kOpen;
    bool used = false;

    bool operator==(const Key&) const = default;
  };
  struct Session {
    std::uint32_t replies = 0;
    std::uint32_t first = 0;  // SessionRecord's, as the two below
    std::uint32_t newest = 0;
    bool untold = false;  // the record is to begin anew
    Instant last{};
    std::array<std::uint64_t, kReceiptsKept / 64> received{};

    void note(std::uint32_t sequence);
  };
  // Apart from what is kept, so that a search reads little memory.
  struct Set {
    std::array<Key, kWays> keys{};
    std::array<Session, kWays> sessions{};
  };
  static_assert(sizeof(Set) <= kWays * 64, "there are 1024 of them");

  [[nodiscard]] static std::size_t set_of(const Key& key);
  // Its place, or kWays.
  [[nodiscard]] static std::size_t find(const Set& set, const Key& key);
  [[nodiscard]] Session& begin(Set& set, const Key& key, std::uint32_t sequence);

  std::vector<Set> sets_;
  std::uint64_t evicted_ = 0;
};

}  // namespace faultline::session
