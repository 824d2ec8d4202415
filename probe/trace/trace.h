// Trace: the path of one flow in one direction, found hop by hop.
//
// A window of kTtlsAhead TTLs is probed at once, one probe in flight per TTL, each tried up to
// kAttemptsMax times; a TTL that stays silent is a silent hop. The trace ends when the far end has
// answered and everything before it is settled, when a router refuses to go further, or after
// kSilentRunMax silent hops in a row.
//
// A fault may end while a trace is under way: then TTLs that stayed silent for it lie before a far
// end that answers, and the path would be too long and full of hops that are none. So when the far
// end answers first, what was silent before that is tried anew.
//
// The result says why it ended: the same router twice, with others in between, is a loop, whatever
// stopped the trace then.
//
// Which TTL an ICMP error answers is told by the sequence number that it quotes, never by the
// length of the quote. A router that quotes IP and UDP headers only (28 octets) cannot tell; from
// then on the trace keeps a single probe outstanding, which is what such an error must belong to.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "common/base/time.h"
#include "common/model/path.h"
#include "probe/stamp/packet.h"
#include "probe/trace/trace_order.h"

namespace faultline::trace {

inline constexpr std::uint8_t kTtlsAhead = 4;
inline constexpr std::uint8_t kAttemptsMax = 3;
inline constexpr std::uint8_t kSilentRunMax = 5;
inline constexpr std::uint8_t kTtlMax = kPathHopsMax + 1;  // the far end behind the longest path
inline constexpr Duration kProbeTimeout = std::chrono::seconds{1};

// What a trace probe's STAMP sequence number says: run 16 bits, attempt 8, TTL 8.
struct ProbeTag {
  std::uint16_t run = 0;  // tells the traces of one flow apart
  std::uint8_t attempt = 0;
  std::uint8_t ttl = 0;

  [[nodiscard]] std::uint32_t sequence() const {
    return std::uint32_t{run} << 16 | std::uint32_t{attempt} << 8 | ttl;
  }
  [[nodiscard]] static ProbeTag from_sequence(std::uint32_t sequence) {
    return {.run = static_cast<std::uint16_t>(sequence >> 16),
            .attempt = static_cast<std::uint8_t>(sequence >> 8 & 0xff),
            .ttl = static_cast<std::uint8_t>(sequence & 0xff)};
  }
};

// An ICMP error about a probe, as far as a trace needs to know it.
struct HopError {
  IpAddress from;
  std::optional<std::uint32_t> sequence;  // quoted; empty when the quote is too short
  bool ttl_exceeded = false;              // else: unreachable, the path ends there
};

class Trace {
 public:
  Trace(const TraceOrder& order, std::uint16_t run) : order_(order), run_(run) {}

  [[nodiscard]] const TraceOrder& order() const { return order_; }
  // The TTL that may be probed next; empty when none may right now.
  [[nodiscard]] std::optional<std::uint8_t> wanted(Instant now) const;
  // Notes that this TTL is being probed, and names the probe.
  ProbeTag send(std::uint8_t ttl, Instant now);
  // When a probe in flight times out next; Instant::max() when none is in flight.
  [[nodiscard]] Instant next_timeout(Instant now) const;

  // False when it cannot be told to be about a probe of this trace. Late is better than never: a
  // probe that has timed out may still be answered until the trace is done.
  bool on_error(const HopError& error, Instant now);
  bool on_answer(ProbeTag tag);

  [[nodiscard]] bool done(Instant now) const { return outcome(now).has_value(); }
  // The path as known so far.
  [[nodiscard]] TraceResult result(Instant now) const;

 private:
  enum class State : std::uint8_t { kNew, kInFlight, kRouter, kEnd };
  struct Ttl {
    State state = State::kNew;
    std::uint8_t attempts = 0;
    std::uint8_t attempts_max = kAttemptsMax;
    Instant sent_at{};  // the newest attempt
    IpAddress router{};
  };
  struct Outcome {
    PathEnd ended = PathEnd::kNotTold;
    std::uint8_t hops = 0;
  };

  [[nodiscard]] const Ttl& at(std::size_t ttl) const { return ttls_[ttl]; }
  [[nodiscard]] bool in_flight(const Ttl& ttl, Instant now) const;
  [[nodiscard]] bool settled(const Ttl& ttl, Instant now) const;
  [[nodiscard]] std::optional<Outcome> outcome(Instant now) const;
  [[nodiscard]] bool loops(std::uint8_t hops) const;
  [[nodiscard]] std::optional<std::uint8_t> only_outstanding(Instant now) const;
  [[nodiscard]] bool issued(ProbeTag tag) const;
  void settle(std::uint8_t ttl, bool far_end, bool ends_here, const IpAddress& from);
  void retry_silent(Instant end_probed_at);

  TraceOrder order_;
  std::uint16_t run_;
  bool short_quotes_ = false;
  bool far_end_heard_ = false;
  std::uint8_t last_ = kTtlMax;  // the lowest TTL known to be the far end, or where the path ends
  std::array<Ttl, kTtlMax + 1> ttls_{};  // by TTL; the first is unused
};

}  // namespace faultline::trace
