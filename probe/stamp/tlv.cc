#include "probe/stamp/tlv.h"

#include <algorithm>
#include <limits>

#include "common/base/check.h"
#include "probe/stamp/octets.h"

namespace faultline::stamp {
namespace {

constexpr std::size_t kTypeAt = 1;
constexpr std::size_t kLengthAt = 2;
constexpr std::size_t kSequenceOctets = 4;
constexpr std::size_t kClassOfServiceValue = 4;
constexpr std::size_t kTimestampInformationValue = 4;
constexpr std::size_t kPortsValue = 4;
constexpr std::size_t kAddressValue = 16;  // of an address sub-TLV: IPv4 is padded with zeros

// Sub-TLVs of Location: an address of any family is asked for, the answer says which it is.
enum class LocationPart : std::uint8_t {
  kDestination = 4,
  kDestinationV4 = 5,
  kDestinationV6 = 6,
  kSource = 7,
  kSourceV4 = 8,
  kSourceV6 = 9,
};

// One TLV of `area`, where it stands.
struct Slot {
  std::size_t at = 0;
  std::uint8_t flags = 0;
  std::uint8_t type = 0;
  std::size_t length = 0;  // of the value
  bool whole = false;      // false: it is cut off, or is longer than what is left

  [[nodiscard]] std::size_t end() const { return at + kTlvHeader + length; }
  [[nodiscard]] bool is(TlvType wanted) const { return type == static_cast<std::uint8_t>(wanted); }
};

Slot slot_at(std::span<const std::byte> area, std::size_t at) {
  Slot slot{.at = at, .flags = get<std::uint8_t>(area, at)};
  if (area.size() - at < kTlvHeader) return slot;
  slot.type = get<std::uint8_t>(area, at + kTypeAt);
  slot.length = get<std::uint16_t>(area, at + kLengthAt);
  slot.whole = slot.length <= area.size() - at - kTlvHeader;
  return slot;
}

template <typename Byte>
std::span<Byte> value_of(std::span<Byte> area, const Slot& slot) {
  return area.subspan(slot.at + kTlvHeader, slot.length);
}

void flag(std::span<std::byte> area, const Slot& slot, std::uint8_t flags) {
  put(area, slot.at, flags);
}

// Where the HMAC TLV is, and whether the rules about its place are kept.
struct Protection {
  std::optional<Slot> mac;
  bool misplaced = false;  // twice, of the wrong length, or followed by more than padding
  bool only_padding = true;
};

Protection find_protection(std::span<const std::byte> area) {
  Protection found;
  for (std::size_t at = 0; at < area.size();) {
    const auto slot = slot_at(area, at);
    if (!slot.whole) break;
    if (slot.is(TlvType::kHmac)) {
      found.misplaced = found.misplaced || found.mac || slot.length != crypto::kMacBytes;
      found.mac = slot;
      found.only_padding = false;
    } else if (!slot.is(TlvType::kExtraPadding)) {
      found.misplaced = found.misplaced || found.mac;
      found.only_padding = false;
    }
    at = slot.end();
  }
  return found;
}

bool is_protected(const Protection& found, std::span<const std::byte> area, bool demanded,
                  std::span<const std::byte> sequence, const crypto::MacKey* key) {
  if (!found.mac) return !demanded || found.only_padding;
  if (found.misplaced || key == nullptr) return false;
  return key->verifies(value_of(area, *found.mac), sequence, area.first(found.mac->at));
}

// Section 4.8: a failed HMAC is told in every TLV, and none is processed.
void flag_all(std::span<std::byte> area) {
  for (std::size_t at = 0; at < area.size();) {
    const auto slot = slot_at(area, at);
    flag(area, slot, slot.flags | kTlvIntegrity);
    if (!slot.whole) return;
    at = slot.end();
  }
}

void put_address(std::span<std::byte> area, const Slot& part, const IpAddress& address,
                 LocationPart v4, LocationPart v6) {
  put(area, part.at, std::uint8_t{0});
  put(area, part.at + kTypeAt, static_cast<std::uint8_t>(address.is_v4() ? v4 : v6));
  const auto value = value_of(area, part);
  std::ranges::transform(address.bytes(), value.begin(),
                         [](std::uint8_t octet) { return std::byte{octet}; });
}

// False when the value is malformed.
bool fill_location(std::span<std::byte> value, const ReflectedPacket& packet) {
  if (value.size() < kPortsValue) return false;
  put(value, 0, packet.destination.port);
  put(value, 2, packet.source.port);
  for (std::size_t at = kPortsValue; at < value.size();) {
    const auto part = slot_at(value, at);
    if (!part.whole) return false;
    const bool destination = part.type == static_cast<std::uint8_t>(LocationPart::kDestination);
    const bool source = part.type == static_cast<std::uint8_t>(LocationPart::kSource);
    if ((destination || source) && part.length != kAddressValue) return false;
    if (destination) {
      put_address(value, part, packet.destination.address, LocationPart::kDestinationV4,
                  LocationPart::kDestinationV6);
    } else if (source) {
      put_address(value, part, packet.source.address, LocationPart::kSourceV4,
                  LocationPart::kSourceV6);
    } else {
      flag(value, part, part.flags | kTlvUnrecognized);  // MAC addresses: not known here
    }
    at = part.end();
  }
  return true;
}

bool fill_class_of_service(std::span<std::byte> value, const ReflectedPacket& packet,
                           ReflectedTlvs& result) {
  if (value.size() != kClassOfServiceValue) return false;
  const auto wanted = static_cast<std::uint8_t>(get<std::uint8_t>(value, 0) >> 2);
  if (packet.may_choose_dscp) result.dscp = wanted;
  const std::uint32_t refused = result.dscp == wanted ? 0 : 1;
  put(value, 0,
      std::uint32_t{wanted} << 26 | std::uint32_t{packet.dscp} << 20 |
          std::uint32_t{packet.ecn} << 18 | refused << 16);
  return true;
}

// Its optional sub-TLVs follow; RFC 8972 defines none, so none is understood.
bool fill_timestamp_information(std::span<std::byte> value, bool clock_kept) {
  if (value.size() < kTimestampInformationValue) return false;
  for (std::size_t at = kTimestampInformationValue; at < value.size();) {
    const auto part = slot_at(value, at);
    if (!part.whole) return false;
    flag(value, part, part.flags | kTlvUnrecognized);
    at = part.end();
  }
  for (const std::size_t at : {std::size_t{0}, std::size_t{2}}) {
    put(value, at, clock_kept ? kClockNtp : kClockFreeRunning);
    put(value, at + 1, kStampedBySoftware);
  }
  return true;
}

enum class Fate : std::uint8_t { kUnderstood, kUnknown, kMalformed };

Fate reflect(std::span<std::byte> area, const Slot& slot, const ReflectedPacket& packet,
             ReflectedTlvs& result) {
  if (!slot.whole) return Fate::kMalformed;
  const auto value = value_of(area, slot);
  const auto judged = [](bool well) { return well ? Fate::kUnderstood : Fate::kMalformed; };
  switch (static_cast<TlvType>(slot.type)) {
    case TlvType::kExtraPadding:
    case TlvType::kHmac:  // its length was checked with it, its value follows
      return Fate::kUnderstood;
    case TlvType::kLocation:
      return judged(fill_location(value, packet));
    case TlvType::kTimestampInformation:
      return judged(fill_timestamp_information(value, packet.clock_kept));
    case TlvType::kClassOfService:
      return judged(fill_class_of_service(value, packet, result));
  }
  return Fate::kUnknown;
}

ClassOfService read_class_of_service(std::span<const std::byte> value) {
  const auto bits = get<std::uint32_t>(value, 0);
  return {.dscp_wanted = static_cast<std::uint8_t>(bits >> 26),
          .dscp_received = static_cast<std::uint8_t>(bits >> 20 & 0x3f),
          .ecn_received = static_cast<std::uint8_t>(bits >> 18 & 3),
          .refused = static_cast<std::uint8_t>(bits >> 16 & 3)};
}

std::optional<IpAddress> read_address(std::span<const std::byte> value, bool v4) {
  if (value.size() != kAddressValue) return std::nullopt;
  if (v4) return IpAddress::v4(get<std::uint32_t>(value, 0));
  std::array<std::uint8_t, kAddressValue> bytes{};
  std::ranges::transform(value, bytes.begin(),
                         [](std::byte octet) { return std::to_integer<std::uint8_t>(octet); });
  return IpAddress::v6(bytes);
}

std::optional<Location> read_location(std::span<const std::byte> value) {
  if (value.size() < kPortsValue) return std::nullopt;
  Location location{.destination_port = get<std::uint16_t>(value, 0),
                    .source_port = get<std::uint16_t>(value, 2)};
  for (std::size_t at = kPortsValue; at < value.size();) {
    const auto part = slot_at(value, at);
    if (!part.whole) return std::nullopt;
    const auto type = static_cast<LocationPart>(part.type);
    if (type == LocationPart::kDestinationV4 || type == LocationPart::kDestinationV6) {
      location.destination =
          read_address(value_of(value, part), type == LocationPart::kDestinationV4);
    } else if (type == LocationPart::kSourceV4 || type == LocationPart::kSourceV6) {
      location.source = read_address(value_of(value, part), type == LocationPart::kSourceV4);
    }
    at = part.end();
  }
  return location;
}

// False when the value is malformed.
bool read(const Slot& slot, std::span<const std::byte> value, ReplyTlvs& result) {
  if (slot.is(TlvType::kClassOfService)) {
    if (value.size() != kClassOfServiceValue) return false;
    result.class_of_service = read_class_of_service(value);
  } else if (slot.is(TlvType::kTimestampInformation)) {
    if (value.size() < kTimestampInformationValue) return false;
    result.timestamp_information = {.source_in = get<std::uint8_t>(value, 0),
                                    .method_in = get<std::uint8_t>(value, 1),
                                    .source_out = get<std::uint8_t>(value, 2),
                                    .method_out = get<std::uint8_t>(value, 3)};
  } else if (slot.is(TlvType::kLocation)) {
    result.location = read_location(value);
    return result.location.has_value();
  }
  return true;
}

}  // namespace

std::span<std::byte> TlvWriter::append(TlvType type, std::size_t length) {
  if (length > std::numeric_limits<std::uint16_t>::max() || packet_.size() < end_ ||
      packet_.size() - end_ < kTlvHeader + length) {
    return {};
  }
  const auto tlv = packet_.subspan(end_, kTlvHeader + length);
  std::ranges::fill(tlv, std::byte{0});
  put(tlv, 0, kTlvUnrecognized);
  put(tlv, kTypeAt, static_cast<std::uint8_t>(type));
  put(tlv, kLengthAt, static_cast<std::uint16_t>(length));
  end_ += tlv.size();
  return tlv;
}

bool TlvWriter::extra_padding(std::size_t octets) {
  return !append(TlvType::kExtraPadding, octets).empty();
}

bool TlvWriter::location() {
  const auto tlv = append(TlvType::kLocation, kLocationValue);
  if (tlv.empty()) return false;
  auto at = kTlvHeader + kPortsValue;
  for (const auto part : {LocationPart::kDestination, LocationPart::kSource}) {
    put(tlv, at, kTlvUnrecognized);
    put(tlv, at + kTypeAt, static_cast<std::uint8_t>(part));
    put(tlv, at + kLengthAt, static_cast<std::uint16_t>(kAddressValue));
    at += kTlvHeader + kAddressValue;
  }
  return true;
}

bool TlvWriter::timestamp_information() {
  return !append(TlvType::kTimestampInformation, kTimestampInformationValue).empty();
}

bool TlvWriter::class_of_service(std::uint8_t dscp_wanted) {
  const auto tlv = append(TlvType::kClassOfService, kClassOfServiceValue);
  if (tlv.empty()) return false;
  put(tlv, kTlvHeader, static_cast<std::uint8_t>(dscp_wanted << 2));
  return true;
}

bool TlvWriter::hmac(const crypto::MacKey& key) {
  const auto covered = packet_.subspan(begin_, end_ - begin_);
  const auto tlv = append(TlvType::kHmac, crypto::kMacBytes);
  if (tlv.empty()) return false;
  std::ranges::copy(key.sign(packet_.first(kSequenceOctets), covered), tlv.begin() + kTlvHeader);
  return true;
}

ReflectedTlvs reflect_tlvs(const ReflectedPacket& packet, std::span<const std::byte, 4> sequence,
                           std::span<std::byte> reply, std::size_t base) {
  FAULTLINE_CHECK(reply.size() >= base && base >= kSequenceOctets, "TLVs follow a base packet");
  ReflectedTlvs result{.dscp = packet.dscp};
  const auto area = reply.subspan(base);
  if (area.size() < kTlvHeader || get<std::uint8_t>(area, kTypeAt) == 0) return result;
  const auto protection = find_protection(area);
  if (!is_protected(protection, area, packet.authenticated, sequence, packet.key)) {
    flag_all(area);
    result.integrity_failed = true;
    return result;
  }
  for (std::size_t at = 0; at < area.size();) {
    const auto slot = slot_at(area, at);
    const auto fate = reflect(area, slot, packet, result);
    if (fate == Fate::kMalformed) {
      flag(area, slot, slot.flags | kTlvMalformed);
      result.malformed = true;
      break;
    }
    flag(area, slot, fate == Fate::kUnknown ? kTlvUnrecognized : std::uint8_t{0});
    at = slot.end();
  }
  if (protection.mac) {
    std::ranges::copy(
        packet.key->sign(reply.first(kSequenceOctets), area.first(protection.mac->at)),
        value_of(area, *protection.mac).begin());
  }
  return result;
}

ReplyTlvs read_reply_tlvs(std::span<const std::byte> reply, std::size_t base,
                          const crypto::MacKey* key) {
  ReplyTlvs result;
  if (reply.size() < base + kTlvHeader || base < kSequenceOctets) return result;
  const auto area = reply.subspan(base);
  const auto protection = find_protection(area);
  if (!is_protected(protection, area, key != nullptr, reply.first(kSequenceOctets), key)) {
    return {.integrity_failed = true};
  }
  for (std::size_t at = 0; at < area.size();) {
    const auto slot = slot_at(area, at);
    if ((slot.flags & kTlvIntegrity) != 0) return {.integrity_failed = true};
    const bool skipped = slot.whole && (slot.flags & kTlvUnrecognized) != 0;
    if (skipped && result.unrecognized < std::numeric_limits<std::uint8_t>::max()) {
      ++result.unrecognized;
    }
    if (!slot.whole || (slot.flags & kTlvMalformed) != 0 ||
        (!skipped && !read(slot, value_of(area, slot), result))) {
      result.malformed = true;
      return result;
    }
    at = slot.end();
  }
  return result;
}

}  // namespace faultline::stamp
