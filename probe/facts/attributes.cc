#include "probe/facts/attributes.h"

#include <libmnl/libmnl.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace faultline::probe_facts {

Attributes::Attributes(Bytes payload) {
  const auto* attribute = reinterpret_cast<const nlattr*>(payload.data());
  const auto* end = payload.data() + payload.size();
  const auto left = [&] {
    return static_cast<int>(end - reinterpret_cast<const std::byte*>(attribute));
  };
  while (left() >= static_cast<int>(sizeof(nlattr)) && mnl_attr_ok(attribute, left())) {
    const auto* start = static_cast<const std::byte*>(mnl_attr_get_payload(attribute));
    found_.try_emplace(mnl_attr_get_type(attribute), start, mnl_attr_get_payload_len(attribute));
    // The last attribute's padding may be missing.
    if (left() < static_cast<int>(MNL_ALIGN(attribute->nla_len))) break;
    attribute = mnl_attr_next(attribute);
  }
}

std::optional<Bytes> Attributes::bytes(std::uint16_t type) const {
  const auto found = found_.find(type);
  if (found == found_.end()) return std::nullopt;
  return found->second;
}

namespace {

template <typename T>
std::optional<T> number(const std::optional<Bytes>& bytes) {
  return bytes ? read_as<T>(*bytes) : std::nullopt;
}

}  // namespace

std::optional<std::uint8_t> Attributes::u8(std::uint16_t type) const {
  return number<std::uint8_t>(bytes(type));
}

std::optional<std::uint16_t> Attributes::u16(std::uint16_t type) const {
  return number<std::uint16_t>(bytes(type));
}

std::optional<std::uint16_t> Attributes::u16_network_order(std::uint16_t type) const {
  const auto octets = number<std::array<std::uint8_t, 2>>(bytes(type));
  if (!octets) return std::nullopt;
  return static_cast<std::uint16_t>((*octets)[0] << 8U | (*octets)[1]);
}

std::optional<std::uint32_t> Attributes::u32(std::uint16_t type) const {
  return number<std::uint32_t>(bytes(type));
}

std::optional<std::int32_t> Attributes::i32(std::uint16_t type) const {
  return number<std::int32_t>(bytes(type));
}

std::optional<std::string> Attributes::text(std::uint16_t type) const {
  const auto raw = bytes(type);
  if (!raw) return std::nullopt;
  std::string result;
  for (const auto byte : *raw) {
    const auto character = std::to_integer<unsigned char>(byte);
    if (character == 0) break;
    result += character >= 0x20 && character < 0x7f ? static_cast<char>(character) : '?';
  }
  return result;
}

std::optional<std::string> Attributes::mac(std::uint16_t type) const {
  const auto raw = bytes(type);
  if (!raw || raw->size() != 6) return std::nullopt;
  std::string result;
  for (const auto byte : *raw) {
    result += fmt::format("{}{:02x}", result.empty() ? "" : ":", std::to_integer<unsigned>(byte));
  }
  return result;
}

std::optional<IpAddress> Attributes::address(std::uint16_t type) const {
  const auto raw = bytes(type);
  return raw ? read_address(*raw) : std::nullopt;
}

Attributes Attributes::nested(std::uint16_t type) const {
  return Attributes(bytes(type).value_or(Bytes{}));
}

std::optional<IpAddress> read_address(Bytes bytes) {
  if (bytes.size() == 16) return IpAddress::v6(*read_as<std::array<std::uint8_t, 16>>(bytes));
  if (bytes.size() != 4) return std::nullopt;
  std::uint32_t host_order = 0;
  for (const auto byte : bytes)
    host_order = host_order << 8U | std::to_integer<std::uint32_t>(byte);
  return IpAddress::v4(host_order);
}

}  // namespace faultline::probe_facts
