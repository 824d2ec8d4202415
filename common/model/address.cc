#include "common/model/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace faultline {

IpAddress IpAddress::v4(std::uint32_t host_order) {
  IpAddress address;
  for (std::size_t i = 0; i < 4; ++i) {
    address.bytes_[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  }
  return address;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& bytes) {
  IpAddress address;
  address.is_v4_ = false;
  address.bytes_ = bytes;
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string terminated(text);
  IpAddress address;
  if (inet_pton(AF_INET, terminated.c_str(), address.bytes_.data()) == 1) return address;
  address.bytes_ = {};
  address.is_v4_ = false;
  if (inet_pton(AF_INET6, terminated.c_str(), address.bytes_.data()) == 1) return address;
  return std::nullopt;
}

std::uint32_t IpAddress::v4_host_order() const {
  return static_cast<std::uint32_t>(bytes_[0]) << 24 | static_cast<std::uint32_t>(bytes_[1]) << 16 |
         static_cast<std::uint32_t>(bytes_[2]) << 8 | bytes_[3];
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(is_v4_ ? AF_INET : AF_INET6, bytes_.data(), text.data(), text.size());
  return text.data();
}

std::string to_string(const Endpoint& endpoint) {
  return endpoint.address.is_v4()
             ? fmt::format("{}:{}", endpoint.address.to_string(), endpoint.port)
             : fmt::format("[{}]:{}", endpoint.address.to_string(), endpoint.port);
}

}  // namespace faultline

std::size_t std::hash<faultline::IpAddress>::operator()(
    const faultline::IpAddress& address) const noexcept {
  std::uint64_t halves[2];
  std::memcpy(halves, address.bytes().data(), sizeof halves);
  std::uint64_t mixed = (halves[0] ^ (halves[1] * 0x9e3779b97f4a7c15ULL)) * 0xff51afd7ed558ccdULL;
  mixed ^= mixed >> 32;
  return static_cast<std::size_t>(mixed);
}

std::size_t std::hash<faultline::Endpoint>::operator()(
    const faultline::Endpoint& endpoint) const noexcept {
  return std::hash<faultline::IpAddress>{}(endpoint.address) * 31 + endpoint.port;
}
