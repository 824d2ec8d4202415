#include "controller/vpc/prefix.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace faultline::vpc {
namespace {

unsigned width(const IpAddress& address) { return address.is_v4() ? 32 : 128; }

IpAddress masked(const IpAddress& address, unsigned length) {
  auto bytes = address.bytes();
  for (unsigned i = 0; i < bytes.size(); ++i) {
    const auto kept = std::clamp(static_cast<int>(length) - static_cast<int>(8 * i), 0, 8);
    bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00U >> kept));
  }
  if (!address.is_v4()) return IpAddress::v6(bytes);
  return IpAddress::v4(static_cast<std::uint32_t>(bytes[0]) << 24 |
                       static_cast<std::uint32_t>(bytes[1]) << 16 |
                       static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3]);
}

}  // namespace

Prefix::Prefix(const IpAddress& address, unsigned length)
    : base_(masked(address, std::min(length, width(address)))),
      length_(std::min(length, width(address))) {}

std::optional<Prefix> Prefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = IpAddress::parse(text.substr(0, slash));
  const auto digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, length);
  if (!address || read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  if (length > width(*address)) return std::nullopt;
  return Prefix(*address, length);
}

Prefix Prefix::host(const IpAddress& address) { return {address, width(address)}; }

bool Prefix::contains(const IpAddress& address) const {
  return address.is_v4() == base_.is_v4() && masked(address, length_) == base_;
}

bool Prefix::contains(const Prefix& other) const {
  return length_ <= other.length_ && contains(other.base_);
}

bool Prefix::overlaps(const Prefix& other) const {
  return contains(other) || other.contains(*this);
}

std::string Prefix::to_string() const { return fmt::format("{}/{}", base_.to_string(), length_); }

std::string to_string(const PortRange& range) {
  return range.first == range.last ? fmt::format("{}", range.first)
                                   : fmt::format("{}-{}", range.first, range.last);
}

bool is_private(const IpAddress& address) {
  static const std::array kPrivate{
      *Prefix::parse("10.0.0.0/8"),     *Prefix::parse("172.16.0.0/12"),
      *Prefix::parse("192.168.0.0/16"), *Prefix::parse("100.64.0.0/10"),
      *Prefix::parse("169.254.0.0/16"), *Prefix::parse("127.0.0.0/8"),
      *Prefix::parse("fc00::/7"),       *Prefix::parse("fe80::/10")};
  return std::ranges::any_of(kPrivate,
                             [&](const Prefix& prefix) { return prefix.contains(address); });
}

}  // namespace faultline::vpc
