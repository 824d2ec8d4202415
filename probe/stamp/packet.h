// The two STAMP test packets in both modes: RFC 8762 sections 4.2 and 4.3 with the SSID of RFC 8972
// section 3. schemas/stamp.md shows the octets. What may follow them is in tlv.h.
//
// Neither packet says which of the two it is: the socket that it arrives on and its SSID tell.
// Decoding accepts what any sender or reflector of the field may send, TWAMP Light included, and
// ignores the octets that must be zero, as the RFCs ask.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/base/time.h"
#include "common/crypto/mac.h"
#include "probe/stamp/timestamp.h"

namespace faultline::stamp {

// Which of the two layouts a packet has. A session's two ends must agree on it.
enum class Mode : std::uint8_t {
  kOpen,           // RFC 8762's "unauthenticated"
  kAuthenticated,  // ends with an HMAC under a key that only the two ends know
};

inline constexpr std::size_t kPacketSize = 44;          // octets, both directions, open
inline constexpr std::size_t kAuthenticatedSize = 112;  // likewise, authenticated
inline constexpr std::size_t kMacOffset = kAuthenticatedSize - crypto::kMacBytes;
[[nodiscard]] constexpr std::size_t base_size(Mode mode) {
  return mode == Mode::kOpen ? kPacketSize : kAuthenticatedSize;
}
inline constexpr std::size_t kSenderSizeMin = 14;       // TWAMP Light: no octet beyond the estimate
inline constexpr std::size_t kReflectorSizeMin = 41;    // TWAMP Light: up to the sender's TTL
inline constexpr std::size_t kReflectorSizeHeard = 38;  // some leave that out; understood, not sent
inline constexpr std::size_t kSenderSizeWithSsid = 16;  // shorter ones have no SSID
inline constexpr std::uint16_t kDefaultPort = 862;      // IANA, RFC 8762
inline constexpr std::uint8_t kPacketTtl = 255;         // RFC 8762 section 4.2

// Session identifiers. 0 is "none" (RFC 8762 before RFC 8972); sessions use 1 to kSsidSessionMax.
// Traces have their own, so that they never enter a session's counts.
inline constexpr std::uint16_t kSsidSessionMax = 0xFFEF;
inline constexpr std::uint16_t kSsidTraceForward = 0xFFFE;  // source port to reflector
inline constexpr std::uint16_t kSsidTraceReturn = 0xFFFD;   // reflector to source port
inline constexpr std::uint16_t kSsidMtu = 0xFFFC;  // MTU tests: answered with the base packet only

struct SenderPacket {
  std::uint32_t sequence = 0;
  WallTime sent_at{};  // T1
  ErrorEstimate error = kErrorUnknown;
  std::uint16_t ssid = 0;

  bool operator==(const SenderPacket&) const = default;
};

struct ReflectorPacket {
  std::uint32_t sequence = 0;  // the reflector's own count in stateful mode, else the sender's
  WallTime sent_at{};          // T3
  ErrorEstimate error = kErrorUnknown;
  std::uint16_t ssid = 0;  // the sender's
  WallTime received_at{};  // T2
  std::uint32_t sender_sequence = 0;
  std::uint64_t sender_timestamp =
      0;                           // T1's octets as they came: only the sender knows their meaning
  std::uint16_t sender_error = 0;  // likewise
  std::uint8_t sender_ttl = 0;     // as it arrived at the reflector; 0: it does not say

  bool operator==(const ReflectorPacket&) const = default;
};

// Writes the kPacketSize octets at the front of `out`, which must have room for them.
void encode(const SenderPacket& packet, std::span<std::byte> out);
void encode(const ReflectorPacket& packet, std::span<std::byte> out);
// The same of kAuthenticatedSize octets, the HMAC among them.
void encode(const SenderPacket& packet, const crypto::MacKey& key, std::span<std::byte> out);
void encode(const ReflectorPacket& packet, const crypto::MacKey& key, std::span<std::byte> out);

// The layout that `datagram` has. No field says it; but the octets from 4 to 15 are zero in one and
// hold a timestamp and an error estimate, whose multiplier is never 0, in the other.
[[nodiscard]] Mode mode_of(std::span<const std::byte> datagram);
// Whether an authenticated packet's HMAC is of `key`. Nothing in it may be believed before.
[[nodiscard]] bool is_authentic(std::span<const std::byte> datagram, const crypto::MacKey& key);

// The raw T1 octets of a sender's packet travel back untouched, whatever format they are in.
struct ReceivedSenderPacket {
  SenderPacket packet;
  std::uint64_t timestamp = 0;
  std::uint16_t error = 0;

  bool operator==(const ReceivedSenderPacket&) const = default;
};
// Empty when the datagram is too short, or its error estimate has the forbidden multiplier 0.
// Checks no HMAC.
[[nodiscard]] std::optional<ReceivedSenderPacket> decode_sender(std::span<const std::byte> datagram,
                                                                Mode mode = Mode::kOpen);
[[nodiscard]] std::optional<ReflectorPacket> decode_reflector(std::span<const std::byte> datagram,
                                                              Mode mode = Mode::kOpen);

// Whether a reply is of what was sent: it copies the sequence and T1, which a stranger cannot
// guess, and the SSID, or has zero there as reflectors from before RFC 8972 do.
[[nodiscard]] bool is_reply_to(const ReflectorPacket& reply, const SenderPacket& sent);

// Sequence and SSID of one of our own packets, of either mode, as an ICMP error quotes it, cut
// anywhere. Empty when the quote ends before the SSID.
struct QuotedPacket {
  std::uint32_t sequence = 0;
  std::uint16_t ssid = 0;

  bool operator==(const QuotedPacket&) const = default;
};
[[nodiscard]] std::optional<QuotedPacket> decode_quote(std::span<const std::byte> payload);

}  // namespace faultline::stamp
