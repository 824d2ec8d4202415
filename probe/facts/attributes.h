// Attributes: the attributes of one netlink message or nest, by type, with every length checked.
//
// Why it exists: libmnl finds attributes but trusts that their payload is as long as its type says;
// a kernel of another version (or a fuzzer) need not agree. A getter is empty for what is absent or
// too short. Lifetime: borrows the message. Thread safety: pure.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

#include "common/model/address.h"

namespace faultline::probe_facts {

using Bytes = std::span<const std::byte>;

class Attributes {
 public:
  // `payload` begins with the first attribute, 4-byte aligned. Of two with one type the first
  // counts.
  explicit Attributes(Bytes payload);

  [[nodiscard]] std::optional<Bytes> bytes(std::uint16_t type) const;
  [[nodiscard]] std::optional<std::uint8_t> u8(std::uint16_t type) const;
  [[nodiscard]] std::optional<std::uint16_t> u16(std::uint16_t type) const;
  [[nodiscard]] std::optional<std::uint16_t> u16_network_order(std::uint16_t type) const;
  [[nodiscard]] std::optional<std::uint32_t> u32(std::uint16_t type) const;
  [[nodiscard]] std::optional<std::int32_t> i32(std::uint16_t type) const;
  // Without the terminating zero; printable characters only.
  [[nodiscard]] std::optional<std::string> text(std::uint16_t type) const;
  // "52:54:00:12:34:56"; empty for anything but six bytes.
  [[nodiscard]] std::optional<std::string> mac(std::uint16_t type) const;
  // Of four or sixteen bytes.
  [[nodiscard]] std::optional<IpAddress> address(std::uint16_t type) const;
  // Empty where the nest is absent.
  [[nodiscard]] Attributes nested(std::uint16_t type) const;
  [[nodiscard]] bool has(std::uint16_t type) const { return found_.contains(type); }

 private:
  std::map<std::uint16_t, Bytes> found_;
};

// The first sizeof(T) bytes as a T, where there are as many.
template <typename T>
requires std::is_trivially_copyable_v<T>
[[nodiscard]] std::optional<T> read_as(Bytes bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

// Of four or sixteen bytes; empty otherwise.
[[nodiscard]] std::optional<IpAddress> read_address(Bytes bytes);

// The payload of a netlink message behind its header and a family's own header of `Header`.
template <typename Header>
struct Parsed {
  std::uint16_t type = 0;  // RTM_NEWLINK, ...
  std::uint16_t flags = 0;
  Header header{};
  Attributes attributes{Bytes{}};
};

// Empty where the message is shorter than its headers.
template <typename Header>
[[nodiscard]] std::optional<Parsed<Header>> open_message(Bytes message) {
  constexpr std::size_t kHeaders = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(Header));
  const auto outer = read_as<nlmsghdr>(message);
  if (!outer || message.size() < kHeaders) return std::nullopt;
  Parsed<Header> parsed{.type = outer->nlmsg_type, .flags = outer->nlmsg_flags};
  parsed.header = *read_as<Header>(message.subspan(NLMSG_HDRLEN));
  parsed.attributes = Attributes(message.subspan(kHeaders));
  return parsed;
}

}  // namespace faultline::probe_facts
