// IpAddress: an IPv4 or IPv6 address as a value; no port, no scope.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace faultline {

class IpAddress {
 public:
  // The unspecified IPv4 address 0.0.0.0.
  IpAddress() = default;
  [[nodiscard]] static IpAddress v4(std::uint32_t host_order);
  [[nodiscard]] static IpAddress v6(const std::array<std::uint8_t, 16>& bytes);
  // Strict dotted quad or RFC 4291 text; empty for anything else (names, ports, scopes, brackets).
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const { return is_v4_; }
  [[nodiscard]] bool is_unspecified() const { return bytes_ == std::array<std::uint8_t, 16>{}; }
  // Network byte order; an IPv4 address is in the first four bytes, the others are zero.
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  [[nodiscard]] std::uint32_t v4_host_order() const;
  [[nodiscard]] std::string to_string() const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  bool is_v4_ = true;
  std::array<std::uint8_t, 16> bytes_{};
};

// A UDP or TCP endpoint.
struct Endpoint {
  IpAddress address{};
  std::uint16_t port = 0;

  auto operator<=>(const Endpoint&) const = default;
};

// "10.0.0.1:862", "[2001:db8::1]:862".
[[nodiscard]] std::string to_string(const Endpoint& endpoint);

}  // namespace faultline

template <>
struct std::hash<faultline::IpAddress> {
  std::size_t operator()(const faultline::IpAddress& address) const noexcept;
};
template <>
struct std::hash<faultline::Endpoint> {
  std::size_t operator()(const faultline::Endpoint& endpoint) const noexcept;
};
