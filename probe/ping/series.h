// Series: a number of pings to one target, of whatever kind, and what became of them.
//
// It exists so that every kind of ping (probe/icmp, probe/tcp, probe/quic, STAMP) is paced, matched
// and judged by one piece of code: a kind only knows how to send number n and how to say that n was
// answered. Pure; time is an argument. A ping is answered once: the first thing heard of it counts,
// a second answer is a duplicate, an answer after its timeout is late and the ping stays lost.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/model/address.h"

namespace faultline::ping {

enum class Outcome : std::uint8_t {
  kPending,
  kAnswered,
  kRefused,      // the target itself says that nobody listens: RST, ICMP port unreachable
  kFiltered,     // something on the way says that it may not: administratively prohibited
  kUnreachable,  // something on the way says that it cannot: no route, no such host
  kTooBig,       // something on the way says that it must be smaller
  kLoop,         // its TTL ran out on the way
  kLost,         // nothing was heard in time
  kNotSent,      // this machine refused to send it
};
[[nodiscard]] std::string_view to_string(Outcome outcome);

// What was heard of one ping.
struct Answer {
  std::uint32_t sequence = 0;
  Outcome outcome = Outcome::kAnswered;
  std::optional<Duration> rtt{};             // measured by the kernel; empty: by arrival
  std::optional<IpAddress> from{};           // who said so
  std::uint8_t ttl = 0;                      // as it arrived; 0: not known
  std::optional<std::uint8_t> dscp_there{};  // with which the far end received it
  std::optional<std::uint8_t> dscp_back{};   // with which its answer arrived
  std::uint8_t retransmits = 0;              // how often the kernel had to send it again (TCP)
  std::optional<std::uint32_t> reflector_sequence{};  // STAMP: the far end's own count
  std::string note{};  // of the kind: what the target is, what went wrong
};

struct SeriesOptions {
  std::uint32_t count = 5;
  Duration interval = std::chrono::milliseconds{200};
  Duration timeout = std::chrono::seconds{1};
};

struct Ping {
  Outcome outcome = Outcome::kPending;
  Instant sent_at{};
  std::optional<Duration> rtt{};
  Answer answer{};
};

struct Totals {
  std::uint32_t sent = 0, answered = 0, refused = 0, filtered = 0, unreachable = 0, too_big = 0,
                looped = 0, lost = 0, not_sent = 0;
  std::uint32_t duplicates = 0, late = 0, retransmits = 0;
  std::optional<Duration> rtt_min{}, rtt_median{}, rtt_mean{}, rtt_max{};
};

class Series {
 public:
  explicit Series(const SeriesOptions& options) : options_(options) {
    pings_.reserve(options.count);
  }

  // The number of the ping to send now; empty when none is due. Then either sent() or not_sent().
  [[nodiscard]] std::optional<std::uint32_t> due(Instant now) const;
  void sent(Instant now);
  void not_sent(Instant now, std::string why);
  // Answers to numbers that were never sent are ignored: they are nobody's, or forged.
  void answer(const Answer& answer, Instant now);
  // Gives up the pings that have waited long enough; returns their numbers' count.
  std::uint32_t expire(Instant now);
  // When something is due or expires next; Instant::max() when done.
  [[nodiscard]] Instant next_event() const;
  [[nodiscard]] bool done() const;

  [[nodiscard]] const std::vector<Ping>& pings() const { return pings_; }
  [[nodiscard]] Totals totals() const;

 private:
  SeriesOptions options_;
  std::vector<Ping> pings_;
  std::uint32_t duplicates_ = 0;
  std::uint32_t late_ = 0;
};

}  // namespace faultline::ping
