// Search: the largest IP packet that reaches a target in one direction, and where a larger one
// ends.
//
// It searches as datagram packetization layer path MTU discovery does (RFC 8899): with packets that
// may not be fragmented and are acknowledged by the far end, so that a path which swallows large
// packets without a word is seen as well as one that answers "packet too big" (PTB). One answer
// proves that a size passes. That a size does not pass is believed when a router says so, or after
// so many losses in a row that the loss of small packets, which are sent between the large ones,
// cannot explain them (kDoubt). Then packets of the failing size with a rising TTL show how far
// they come: routers answer a TTL that ran out before they would drop what is too large to pass on.
//
// Pure: it says what to send, is told what came back, and time is an argument. Bounded: never more
// than kLargeMax packets above kSmall octets. A search that has none left ends with what is proven
// by then: kInconclusive between two sizes, and a black hole without a place between two hops.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/model/address.h"

namespace faultline::mtu {

inline constexpr std::uint16_t kSmall = 128;  // octets; every path carries them
inline constexpr std::uint32_t kLargeMax = 150;
inline constexpr double kDoubt = 1e-4;  // that plain loss makes a size seem not to pass
inline constexpr std::uint32_t kTriesMin = 3;
inline constexpr std::uint32_t kTriesMax = 16;
inline constexpr std::uint8_t kTtlMax = 30;
inline constexpr std::uint8_t kSilentMax = 5;  // so many hops in a row that say nothing end a trace

struct SearchOptions {
  std::uint16_t ceiling = 1500;  // what the outgoing interface takes
  std::uint16_t far_mtu = 0;     // of the target's interface; 0: not known
  Duration timeout = std::chrono::seconds{1};
  Duration gap = std::chrono::milliseconds{20};  // between two packets
};

struct Packet {
  std::uint32_t id = 0;    // from 1
  std::uint16_t size = 0;  // octets, with the IP header
  std::uint8_t ttl = 0;    // 0: as far as it goes
};

enum class Verdict : std::uint8_t {
  kOk,                 // whatever the interface takes arrives
  kLowMtu,             // a router says what it can pass on, and that is less
  kBlackHole,          // larger packets vanish, and nobody says so
  kInterfaceMismatch,  // they vanish on the target's own segment: its interface takes less
  kLoss,               // size does not matter: packets of any size are lost
  kUnreachable,        // not even small packets are answered
  kInconclusive,       // the packets that a test may send did not suffice
};

struct Hop {
  std::uint8_t ttl = 0;
  IpAddress address{};
};

struct Report {
  Verdict verdict = Verdict::kInconclusive;
  std::uint16_t mtu = 0;      // the largest size that passed; 0: none
  std::uint16_t ceiling = 0;  // what was tried at most
  std::optional<IpAddress> too_big_from{};
  std::uint16_t too_big_mtu = 0;  // that the router told
  // Where larger packets were seen last, and what they no longer reached; a hop with TTL 0 is this
  // machine itself or the target. Only where `located`: each hop that they are said to have missed
  // was tried often enough.
  bool located = false;
  Hop last_reached{};
  std::optional<Hop> first_missed{};             // empty: the target
  std::vector<std::optional<IpAddress>> hops{};  // routers on the way, as small packets saw them
  std::uint32_t small_sent = 0, small_lost = 0, large_sent = 0;
  std::uint16_t far_mtu = 0;
};

class Search {
 public:
  explicit Search(const SearchOptions& options);

  // The packet to send now. Each is known as sent from then on.
  [[nodiscard]] std::optional<Packet> next(Instant now);
  // What came back for packet `id`; unknown ids are ignored.
  void on_answer(std::uint32_t id);
  void on_too_big(std::uint32_t id, const IpAddress& from, std::uint16_t mtu);
  void on_ttl_exceeded(std::uint32_t id, const IpAddress& from);
  // The target, or somebody on the way, refuses: what is sent is not answered at all.
  void on_refused(std::uint32_t id);
  // This machine's kernel does not take it: larger than the interface.
  void on_local_limit(std::uint32_t id);

  [[nodiscard]] Instant next_event() const;
  [[nodiscard]] bool done() const { return phase_ == Phase::kDone; }
  [[nodiscard]] Report report() const;

 private:
  enum class Phase : std::uint8_t { kReach, kSizes, kHops, kLocate, kDone };
  enum class Fate : std::uint8_t { kFlying, kAnswered, kTooBig, kExpired, kLocal, kLost };
  struct Sent {
    Packet packet;
    Instant at{};
    Fate fate = Fate::kFlying;
    IpAddress from{};
    bool judged = false;  // what its fate says of its size has been taken in
  };

  [[nodiscard]] std::optional<Packet> next_of_sizes();
  [[nodiscard]] std::optional<Packet> next_of_round(std::uint16_t size);
  void advance(Instant now);
  void advance_sizes();
  void advance_round();
  void begin_round(Phase phase);
  void settle_size(bool passes);
  void choose_size();
  [[nodiscard]] std::uint16_t between() const;
  void finish();
  [[nodiscard]] bool told() const;
  [[nodiscard]] Verdict verdict() const;
  void locate(Report& report) const;
  [[nodiscard]] bool spent() const { return large_sent_ >= kLargeMax; }
  [[nodiscard]] bool flying() const;
  [[nodiscard]] Packet issue(std::uint16_t size, std::uint8_t ttl);
  [[nodiscard]] Sent* find(std::uint32_t id);
  [[nodiscard]] std::uint32_t tries_needed() const;
  void count_loss(const Sent& sent);

  SearchOptions options_;
  Phase phase_ = Phase::kReach;
  std::vector<Sent> sent_;  // by id - 1; kept: an answer may be late
  Instant next_at_ = Instant::min();
  bool idle_ = false;  // nothing is to be sent until something comes back, or does not

  std::uint16_t passes_ = 0;   // the largest size known to pass
  std::uint32_t fails_ = 0;    // the smallest known not to: above ceiling at first
  std::uint16_t size_ = 0;     // being tried
  std::uint16_t hint_ = 0;     // of a router, to be tried next; 0: none
  std::uint32_t losses_ = 0;   // of `size_` in a row
  bool size_told_ = false;     // that fails_ fails was told by a router
  bool control_next_ = false;  // a small packet is due between two large ones

  std::uint32_t small_sent_ = 0, small_lost_ = 0, large_sent_ = 0;
  std::optional<IpAddress> too_big_from_{};
  std::uint16_t too_big_mtu_ = 0;

  // Rounds over TTLs, with small packets and then with failing ones.
  struct Seen {
    std::optional<IpAddress> small{};
    bool large = false;
    std::uint8_t large_tries = 0;
  };
  std::array<Seen, kTtlMax + 1> seen_{};
  std::uint8_t end_ttl_ = 0;  // the lowest TTL that reaches the target; 0: not known
  std::uint8_t round_ = 0;
  std::uint8_t round_ttl_ = 0;  // sent last in this round
};

[[nodiscard]] std::string_view to_string(Verdict verdict);

}  // namespace faultline::mtu
