// Reflector: decides which datagrams are answered, and with what (RFC 8762 section 4.3).
//
// It answers the plan's peers, guests as long as they are (guests.h), and strangers that are
// allowed by name and rate; nobody gets more octets than he sent: spoofed addresses gain nothing.
// An authenticated packet is answered when its HMAC is of a key of a peer at its address. Open
// packets of a peer that authenticates are answered only until it does (the ends of a session hear
// of a new plan one after the other); traces are open. schemas/stamp.md says which port answers
// which session identifiers, so that no two ports can answer each other without end.
//
// A guest gets one-off packets answered, those of tests, and no session. With all others it is the
// stranger that it was.
//
// Not thread safe. After set_peers() and set_strangers() it allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/base/time.h"
#include "common/model/address.h"
#include "common/model/plan.h"
#include "common/stats/token_bucket.h"
#include "probe/session/clock.h"
#include "probe/session/guests.h"
#include "probe/session/peer_keys.h"
#include "probe/session/reflector_sessions.h"
#include "probe/stamp/tlv.h"

namespace faultline::session {

// So long after a peer's first authenticated packet its open ones are still answered: those that
// were on their way.
inline constexpr Duration kOpenGrace = std::chrono::seconds{10};

inline constexpr std::size_t kStrangerPrefixesMax = 64;

// Who is answered without being a peer: other STAMP senders, TWAMP Light.
struct Strangers {
  struct Prefix {
    IpAddress address;
    std::uint8_t bits = 0;

    [[nodiscard]] bool contains(const IpAddress& other) const;
    bool operator==(const Prefix&) const = default;
  };
  std::vector<Prefix> allowed{};
  std::uint32_t packets_per_second_max = 100;  // of all of them together

  bool operator==(const Strangers&) const = default;
};

struct Request {
  Endpoint from;
  std::span<const std::byte> payload;
  std::uint8_t ttl = 0;
  WallTime received_at{};          // T2
  std::uint8_t traffic_class = 0;  // DSCP 6 bits, ECN 2 bits, as they arrived
  Endpoint to{};                   // where it arrived
  bool clock_kept = false;         // this node's, that stamps: by an external source
  bool cut = false;                // `payload` is the head of a longer packet
};

class Reflector {
 public:
  enum class Outcome : std::uint8_t {
    kAnswered,
    kStranger,     // not a peer, and not allowed
    kLimited,      // a guest or an allowed stranger beyond the rate
    kMalformed,    // no STAMP packet, or too short for its answer
    kForged,       // authenticated, but by no key of a peer at this address
    kOpenRefused,  // open, of a peer that authenticates
    kOther,        // of a peer, but not for the reflector: a reply
  };
  struct Answer {
    Outcome outcome = Outcome::kStranger;
    std::uint8_t dscp = 0;  // to send the reply with
    std::size_t size = 0;   // octets of the reply

    friend bool operator==(const Answer& answer, Outcome outcome) {
      return answer.outcome == outcome;
    }
  };

  explicit Reflector(Strangers strangers = {});

  // Until the first call nobody is a peer. What is known of peers that stay is kept.
  void set_peers(const std::vector<PlanPeer>& peers, const KeyTable& keys = {});
  // Who is a stranger to be answered from now on; the rate begins anew.
  void set_strangers(Strangers strangers);
  void admit(const Guest& guest, Instant now) { guests_.admit(guest, now); }
  void dismiss(std::uint64_t test) { guests_.dismiss(test); }
  // New keys for the peers that have some.
  void set_keys(const KeyTable& keys);
  [[nodiscard]] bool is_peer(const IpAddress& address) const;
  // Whether this is where a peer's reflector sends from.
  [[nodiscard]] bool is_peer_reflector(const Endpoint& endpoint) const;

  // What the reflector port does with a datagram. On kAnswered the first `size` octets of `out` are
  // the reply, never more than request.payload.size(); `out` must have room for those. `now` is T3.
  [[nodiscard]] Answer answer(const Request& request, Now now, std::span<std::byte> out);
  // What a source port does: it answers traces of the return direction, from a peer's reflector.
  [[nodiscard]] Answer answer_trace(const Request& request, Now now, std::span<std::byte> out);

  // What has come of this session of a sender's; empty: it is not known.
  [[nodiscard]] std::optional<SessionRecord> record_of(const IpAddress& sender,
                                                       const SessionName& name) const {
    return sessions_.record_of(sender, name);
  }
  [[nodiscard]] std::uint64_t evicted() const { return sessions_.evicted(); }

 private:
  struct Peer {
    Endpoint endpoint;  // where its reflector is
    NodeId node{};
    bool authenticates = false;
    std::shared_ptr<const PeerKeys> keys{};  // null: none are known
    Instant open_until = Instant::max();     // its open packets are refused from then on
  };
  // Of a peer: several nodes may share an address.
  struct Verdict {
    Outcome outcome = Outcome::kAnswered;
    const crypto::MacKey* key = nullptr;  // that the packet is signed by; null: it is open
  };

  [[nodiscard]] std::span<Peer> peers_at(const IpAddress& address);
  [[nodiscard]] static Verdict authenticate(std::span<Peer> peers, const Request& request,
                                            std::uint16_t ssid, stamp::Mode mode, Now now);
  // kAnswered: it may be.
  [[nodiscard]] Outcome admit_stranger(const Request& request, Now now);

  std::vector<Peer> peers_;  // ascending by endpoint
  Guests guests_;
  Strangers strangers_;
  std::optional<stats::TokenBucket> stranger_budget_;  // full at the first stranger
  ReflectorSessions sessions_;
};

}  // namespace faultline::session
