// Frames and captures for tests, octet by octet as a network card gives them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "common/capture/octets.h"
#include "common/capture/packet.h"
#include "common/capture/pcapng.h"

namespace faultline::test {

using Bytes = std::vector<std::byte>;

inline void put(Bytes& out, std::size_t at, std::uint64_t value, std::size_t octets) {
  for (std::size_t i = 0; i < octets; ++i) {
    out.at(at + i) = static_cast<std::byte>(value >> (8 * (octets - 1 - i)) & 0xff);
  }
}

// A STAMP packet of 44 octets as RFC 8762 draws it, with the SSID of RFC 8972.
inline Bytes stamp_request(std::uint32_t sequence, std::uint64_t sent_at, std::uint16_t ssid) {
  Bytes out(44);
  put(out, 0, sequence, 4);
  put(out, 4, sent_at, 8);
  put(out, 12, 0x3f01, 2);
  put(out, 14, ssid, 2);
  return out;
}
inline Bytes stamp_reply(const Bytes& request, std::uint64_t sent_at) {
  Bytes out(44);
  std::copy_n(request.begin(), 4, out.begin());
  put(out, 4, sent_at, 8);
  put(out, 12, 0x3f01, 2);
  std::copy_n(request.begin() + 14, 2, out.begin() + 14);
  std::copy_n(request.begin(), 4, out.begin() + 24);
  std::copy_n(request.begin() + 4, 8, out.begin() + 28);
  put(out, 40, 255, 1);
  return out;
}

enum class Sum : std::uint8_t { kGood, kUnfinished, kBadSequence, kBadTail, kNone };

struct FrameSpec {
  std::string from = "10.0.1.1";
  std::string to = "10.0.2.1";
  std::uint16_t source_port = 40000;
  std::uint16_t port = 862;
  std::uint8_t mac_from = 0x0a;  // the last octet of 02:00:00:00:00:xx
  std::uint8_t mac_to = 0x01;
  int vlan = -1;
  std::uint8_t ttl = 255;
  std::uint8_t dscp = 0;
  std::uint8_t ecn = 0;
  Sum sum = Sum::kGood;
  Bytes payload{};
};

// RFC 1071.
inline std::uint32_t ones_sum(const Bytes& octets, std::size_t from = 0) {
  std::uint32_t sum = 0;
  for (std::size_t i = from; i < octets.size(); ++i) {
    sum += std::to_integer<std::uint32_t>(octets[i]) << ((i - from) % 2 == 0 ? 8 : 0);
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}
inline Bytes address_octets(const std::string& text) {
  const auto address = *IpAddress::parse(text);
  const auto octets = std::as_bytes(std::span(address.bytes())).first(address.is_v4() ? 4 : 16);
  return {octets.begin(), octets.end()};
}

inline Bytes udp_datagram(const FrameSpec& spec) {
  Bytes udp(8);
  put(udp, 0, spec.source_port, 2);
  put(udp, 2, spec.port, 2);
  put(udp, 4, 8 + spec.payload.size(), 2);
  udp.insert(udp.end(), spec.payload.begin(), spec.payload.end());
  if (spec.sum == Sum::kNone) return udp;
  Bytes summed = address_octets(spec.from);
  const auto to = address_octets(spec.to);
  summed.insert(summed.end(), to.begin(), to.end());
  summed.resize(summed.size() + 4);
  put(summed, summed.size() - 4, 17, 2);
  put(summed, summed.size() - 2, udp.size(), 2);
  if (spec.sum == Sum::kUnfinished) {
    put(udp, 6, ones_sum(summed), 2);
    return udp;
  }
  summed.insert(summed.end(), udp.begin(), udp.end());
  put(udp, 6, ~ones_sum(summed) & 0xffffU, 2);
  if (spec.sum == Sum::kBadSequence) udp[8 + 2] ^= std::byte{0x40};
  if (spec.sum == Sum::kBadTail) udp.back() ^= std::byte{0x40};
  return udp;
}

// The Ethernet frame around `body`; `fragment` is the IPv4 field of flags and offset.
inline Bytes ethernet(const FrameSpec& spec, const Bytes& body, std::uint8_t protocol = 17,
                      std::uint16_t fragment = 0, std::uint16_t id = 7) {
  Bytes frame(14);
  put(frame, 0, 0x020000000000 + spec.mac_to, 6);
  put(frame, 6, 0x020000000000 + spec.mac_from, 6);
  const bool v4 = IpAddress::parse(spec.from)->is_v4();
  put(frame, 12, v4 ? 0x0800 : 0x86DD, 2);
  if (spec.vlan >= 0) {
    frame.resize(18);
    put(frame, 12, 0x8100, 2);
    put(frame, 14, static_cast<std::uint64_t>(spec.vlan), 2);
    put(frame, 16, v4 ? 0x0800 : 0x86DD, 2);
  }
  const auto at = frame.size();
  const auto from = IpAddress::parse(spec.from)->bytes();
  const auto to = IpAddress::parse(spec.to)->bytes();
  const auto traffic_class = static_cast<std::uint64_t>(spec.dscp << 2 | spec.ecn);
  frame.resize(at + (v4 ? 20 : 40));
  if (v4) {
    put(frame, at, 0x45, 1);
    put(frame, at + 1, traffic_class, 1);
    put(frame, at + 2, 20 + body.size(), 2);
    put(frame, at + 4, id, 2);
    put(frame, at + 6, fragment, 2);
    put(frame, at + 8, spec.ttl, 1);
    put(frame, at + 9, protocol, 1);
    for (std::size_t i = 0; i < 4; ++i) {
      put(frame, at + 12 + i, from[i], 1);
      put(frame, at + 16 + i, to[i], 1);
    }
    put(frame, at + 10, ~ones_sum(frame, at) & 0xffffU, 2);
  } else {
    put(frame, at, 6ULL << 28 | traffic_class << 20, 4);
    put(frame, at + 4, body.size(), 2);
    put(frame, at + 6, protocol, 1);
    put(frame, at + 7, spec.ttl, 1);
    for (std::size_t i = 0; i < 16; ++i) {
      put(frame, at + 8 + i, from[i], 1);
      put(frame, at + 24 + i, to[i], 1);
    }
  }
  frame.insert(frame.end(), body.begin(), body.end());
  return frame;
}

inline Bytes udp_frame(const FrameSpec& spec) { return ethernet(spec, udp_datagram(spec)); }

}  // namespace faultline::test
