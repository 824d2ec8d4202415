// The optional extensions that may follow a STAMP base packet (RFC 8972 section 4), each
//   flags 1 | type 1 | length of the value 2 | value
//
// Flags: a sender sets U and clears M and I. A reflector clears U of a TLV that it understood, sets
// M of one that is malformed and processes nothing after it, and sets I of all of them where the
// HMAC TLV fails; then it has processed none. So a reader of a reply skips what has U, stops at M
// and believes nothing where there is I.
//
// Pure, and without memory of its own: TLVs are written and read in the packet's octets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/crypto/mac.h"
#include "common/model/address.h"

namespace faultline::stamp {

enum class TlvType : std::uint8_t {
  kExtraPadding = 1,
  kLocation = 2,
  kTimestampInformation = 3,
  kClassOfService = 4,
  kHmac = 8,
};

inline constexpr std::size_t kTlvHeader = 4;  // octets
inline constexpr std::uint8_t kTlvUnrecognized = 0x80;
inline constexpr std::uint8_t kTlvMalformed = 0x40;
inline constexpr std::uint8_t kTlvIntegrity = 0x20;

// Section 4.4: DSCP1 6 bits | DSCP2 6 | ECN 2 | RP 2 | zero 16.
struct ClassOfService {
  std::uint8_t dscp_wanted = 0;    // DSCP1: what the reply is to be sent with, 0 to 63
  std::uint8_t dscp_received = 0;  // DSCP2: what the packet arrived with
  std::uint8_t ecn_received = 0;
  std::uint8_t refused = 0;  // RP: 1 when the reply does not have the DSCP that was wanted

  bool operator==(const ClassOfService&) const = default;
};

// What a Class of Service TLV adds to a packet, and the HMAC TLV that one needs if authenticated.
inline constexpr std::size_t kClassTlv = kTlvHeader + 4;
inline constexpr std::size_t kClassTlvsMax = kClassTlv + kTlvHeader + crypto::kMacBytes;

// Section 4.3: a clock's source and how it stamped, of the reflector's receipt and its reply.
struct TimestampInformation {
  std::uint8_t source_in = 0;
  std::uint8_t method_in = 0;
  std::uint8_t source_out = 0;
  std::uint8_t method_out = 0;

  bool operator==(const TimestampInformation&) const = default;
};
// The kernel's clock is kept through its NTP interface (adjtimex); who does so, it does not know.
inline constexpr std::uint8_t kClockNtp = 1;
inline constexpr std::uint8_t kClockFreeRunning = 5;  // no source of synchronization is known
inline constexpr std::uint8_t kStampedBySoftware = 2;

// Section 4.2: addresses and ports of the sender's packet as they arrived; a NAT shows itself.
struct Location {
  std::uint16_t destination_port = 0;
  std::uint16_t source_port = 0;
  std::optional<IpAddress> destination{};
  std::optional<IpAddress> source{};

  bool operator==(const Location&) const = default;
};
inline constexpr std::size_t kLocationValue = 4 + 2 * (kTlvHeader + 16);

// A sender's TLVs, appended in order. Each call returns false, and writes nothing, when it does not
// fit.
class TlvWriter {
 public:
  // `packet`: room for the whole packet; the TLVs begin behind its first `base` octets.
  TlvWriter(std::span<std::byte> packet, std::size_t base)
      : packet_(packet), begin_(base), end_(base) {}

  bool extra_padding(std::size_t octets);
  bool location();
  bool timestamp_information();
  bool class_of_service(std::uint8_t dscp_wanted);
  // Covers the packet's sequence number and the TLVs so far; only padding may follow.
  bool hmac(const crypto::MacKey& key);
  // Octets of the packet so far.
  [[nodiscard]] std::size_t size() const { return end_; }

 private:
  [[nodiscard]] std::span<std::byte> append(TlvType type, std::size_t length);

  std::span<std::byte> packet_;
  std::size_t begin_;
  std::size_t end_;
};

// What a reflector knows of the packet that it answers.
struct ReflectedPacket {
  Endpoint source{};       // of the sender's packet as it arrived
  Endpoint destination{};  // likewise; unspecified where it is not known
  std::uint8_t dscp = 0;   // it arrived with
  std::uint8_t ecn = 0;
  bool clock_kept = false;              // what stamps follows an external source
  bool may_choose_dscp = false;         // whether the sender is to have the DSCP that it asks for
  bool authenticated = false;           // TLVs must then have an HMAC, unless all they do is pad
  const crypto::MacKey* key = nullptr;  // of the HMAC TLV; null: there is none to check it with
};

struct ReflectedTlvs {
  std::uint8_t dscp = 0;  // what the reply is to be sent with
  bool integrity_failed = false;
  bool malformed = false;

  bool operator==(const ReflectedTlvs&) const = default;
};

// Turns the TLVs of a sender into those of the reply. `reply` has its base packet in the first
// `base` octets, the sender's octets behind; `sequence` is the sender's, in network order as it
// came. Octets that are no TLVs (padding from before RFC 8972: the first type is 0) stay as they
// are.
ReflectedTlvs reflect_tlvs(const ReflectedPacket& packet, std::span<const std::byte, 4> sequence,
                           std::span<std::byte> reply, std::size_t base);

// What a reply's TLVs say.
struct ReplyTlvs {
  bool integrity_failed = false;  // nothing else is told then
  bool malformed = false;         // what follows the malformed one is not told
  std::uint8_t unrecognized = 0;  // TLVs that the reflector does not know; 255: or more
  std::optional<ClassOfService> class_of_service{};
  std::optional<TimestampInformation> timestamp_information{};
  std::optional<Location> location{};

  bool operator==(const ReplyTlvs&) const = default;
};
// `key`: of the HMAC TLV, which then must be there and be right.
[[nodiscard]] ReplyTlvs read_reply_tlvs(std::span<const std::byte> reply, std::size_t base,
                                        const crypto::MacKey* key);

}  // namespace faultline::stamp
