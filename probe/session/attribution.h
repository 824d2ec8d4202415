// Which way the unanswered packets of a window were lost.
//
// A stateful reflector numbers its replies, so a reply (s, r) tells how many packets had arrived
// when it was sent. *Anchors* are replies whose order no other reply contradicts. Between two
// neighboring anchors a and b:
//   arrivals without a reply    R = (r_b - r_a - 1) - replies received between   -> lost returning
//   unanswered, less those      F = unanswered between - R                       -> lost going out
// The difference of the end counters alone would be wrong at every window edge and after each
// restart of the reflector. What the replies cannot tell stays undetermined:
// - no anchor on one side (the first and the last gap);
// - the reflector may have restarted in the gap: r fell, or is no larger than the packets sent in
// the
//   gap could have made it from zero;
// - F or R is negative: a packet overtook an anchor, or was duplicated, and its reply was lost.
// Then
//   no forward loss is claimed in this evaluation and the next, because another gap may owe it one;
//   nor is it in a window that no anchor precedes, where such a gap would not be seen;
// - F and R are both positive in a gap that reaches into another window.
// Where it was asked (common/model/receipts.h) it has told of single packets whether they arrived.
// A gap whose unanswered packets of the window are all told of needs no counts; of one that the
// counts leave open, the packets that are told of are not undetermined.
// So a packet claimed for a direction is backed by one really lost in that direction. What remains:
// where packets overtake each other, what is claimed by counts in one window may have been lost in
// another, of which the reflector tells: then it is claimed twice (simulated, 5 % of packets
// duplicated, 5 % overtaken and 20 % lost each way: under one in 1000 lost); and
// a packet that is delayed past the replies at hand and whose reply is then lost looks lost going
// out (simulated, 2 % of packets delayed by over an interval and 4 % lost: one in 600,000 packets).
// It assumes a reflector that counts from zero per session (RFC 8762 section 4.3.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/model/receipts.h"

namespace faultline::session {

// One packet as the sender knows it. Consecutive fates have consecutive sequence numbers.
struct Fate {
  bool sent = true;             // false: the kernel refused it; it took a number and never left
  std::uint8_t arrivals = 0;    // different reflector sequences among its replies; 0: unanswered
  std::uint32_t reply_low = 0;  // the reflector's sequences, of the first arrival and the last
  std::uint32_t reply_high = 0;
  Receipt told = Receipt::kNotTold;  // by the reflector, of an unanswered packet of the window
};

// What is remembered of the packets before the first Fate: the newest anchor and what followed it.
struct Anchor {
  bool known = false;
  bool contradicted = false;  // a negative count was met lately
  std::uint32_t reply = 0;    // the anchor's reflector sequence
  // The highest reflector sequence seen since; later replies below it are out of order. Kept for
  // one window where there is no anchor.
  std::optional<std::uint32_t> highest = std::nullopt;
  std::uint32_t distance = 1;    // from the anchor's sequence to the first fate's
  std::uint32_t unanswered = 0;  // packets between
  std::uint32_t arrivals = 0;    // replies received between

  bool operator==(const Anchor&) const = default;
};

struct Loss {
  std::uint32_t forward = 0;
  std::uint32_t returning = 0;
  std::uint32_t undetermined = 0;

  bool operator==(const Loss&) const = default;
};

// After a restart, duplicates and stragglers may push the reflector's count this far beyond the
// number of packets sent since.
inline constexpr std::uint32_t kRestartSlack = 8;

// Attributes the loss among the first `window` of `fates`; those after it only provide anchors.
// `anchor` describes what precedes the fates and is moved past the window.
[[nodiscard]] Loss attribute_loss(Anchor& anchor, std::span<const Fate> fates, std::size_t window);

}  // namespace faultline::session
