// For this folder's sources only: the packet of a walk, and how it is put into words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/vpc/reach.h"

namespace faultline::vpc {

inline constexpr int kEchoRequest = 8;
inline constexpr int kEchoReply = 0;
inline constexpr int kEchoRequestV6 = 128;
inline constexpr int kEchoReplyV6 = 129;

struct Packet {
  IpAddress source{};
  IpAddress destination{};
  int protocol = kTcp;
  PortRange source_ports{};
  PortRange destination_ports{};
  int icmp_type = kAnyIcmp;
  // Security groups of who sent it, as far as the way keeps them; and those that were lost.
  std::vector<std::string> groups{};
  std::vector<std::string> groups_lost{};
  std::string groups_lost_code{};
};

[[nodiscard]] bool has_ports(int protocol);
[[nodiscard]] std::string protocol_name(int protocol);
// "tcp 443", "icmp type 8", "all".
[[nodiscard]] std::string describe(const Match& match);
// Whether a rule is about the packet's protocol, and for ICMP its type.
[[nodiscard]] bool protocol_matches(const Match& match, const Packet& packet);
// What answers it: ends exchanged.
[[nodiscard]] Packet answer_to(const Packet& packet);
void lose_groups(Packet& packet, std::string_view code);

}  // namespace faultline::vpc
