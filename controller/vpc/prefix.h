// Prefix: a block of addresses ("10.0.0.0/16", "2001:db8::/56"). PortRange: "443", "1024-65535".
// Values; thread safety: pure.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/model/address.h"

namespace faultline::vpc {

class Prefix {
 public:
  Prefix() = default;  // 0.0.0.0/0
  // Bits beyond `length` are cleared; it is at most 32 or 128.
  Prefix(const IpAddress& address, unsigned length);
  // "ADDRESS/LENGTH"; bits beyond the length are cleared, as the clouds do. Empty for anything
  // else.
  [[nodiscard]] static std::optional<Prefix> parse(std::string_view text);
  [[nodiscard]] static Prefix host(const IpAddress& address);

  [[nodiscard]] const IpAddress& base() const { return base_; }
  [[nodiscard]] unsigned length() const { return length_; }
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] bool contains(const Prefix& other) const;
  [[nodiscard]] bool overlaps(const Prefix& other) const;
  [[nodiscard]] std::string to_string() const;

  auto operator<=>(const Prefix&) const = default;

 private:
  IpAddress base_{};
  unsigned length_ = 0;
};

// Both ends belong to it; never empty.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 65'535;

  [[nodiscard]] bool contains(const PortRange& other) const {
    return first <= other.first && other.last <= last;
  }
  auto operator<=>(const PortRange&) const = default;
};
[[nodiscard]] std::string to_string(const PortRange& range);

// RFC 1918, RFC 6598, link-local and unique local addresses: no internet gateway carries them.
[[nodiscard]] bool is_private(const IpAddress& address);

}  // namespace faultline::vpc
