// Reflector: decides which datagrams are answered, and with what (RFC 8762 section 4.3).
//
// It answers peers of the plan only, and never with more octets than it was sent: spoofed addresses
// gain nothing. schemas/stamp.md says which port answers which session identifiers, so that no two
// ports can answer each other without end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/time.h"
#include "common/model/address.h"
#include "common/model/plan.h"
#include "probe/session/clock.h"
#include "probe/session/reflector_sessions.h"

namespace faultline::session {

struct Request {
  Endpoint from;
  std::span<const std::byte> payload;
  std::uint8_t ttl = 0;
  WallTime received_at{};  // T2
};

class Reflector {
 public:
  enum class Outcome : std::uint8_t {
    kAnswered,
    kStranger,   // not a peer
    kMalformed,  // no STAMP packet, or too short for its answer
    kOther,      // of a peer, but not for the reflector: a reply
  };

  // Until the first call nobody is a peer.
  void set_peers(const std::vector<PlanPeer>& peers);
  [[nodiscard]] bool is_peer(const IpAddress& address) const;
  // Whether this is where a peer's reflector sends from.
  [[nodiscard]] bool is_peer_reflector(const Endpoint& endpoint) const;

  // What the reflector port does with a datagram. On kAnswered the first request.payload.size()
  // octets of `out` are the reply; `out` must have room for them. `now` is T3.
  [[nodiscard]] Outcome answer(const Request& request, Now now, std::span<std::byte> out);
  // What a source port does: it answers traces of the return direction, from a peer's reflector.
  [[nodiscard]] Outcome answer_trace(const Request& request, Now now, std::span<std::byte> out);

  [[nodiscard]] std::uint64_t evicted() const { return sessions_.evicted(); }

 private:
  std::vector<Endpoint> peers_;  // where their reflectors are; ascending
  ReflectorSessions sessions_;
};

}  // namespace faultline::session
