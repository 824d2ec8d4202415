#include "controller/vpc/reach_packet.h"

#include <utility>

#include <fmt/format.h>

namespace faultline::vpc {

bool has_ports(int protocol) { return protocol == kTcp || protocol == kUdp; }

std::string protocol_name(int protocol) {
  switch (protocol) {
    case kTcp:
      return "tcp";
    case kUdp:
      return "udp";
    case kIcmp:
      return "icmp";
    case kIcmpV6:
      return "icmpv6";
    case kAnyProtocol:
      return "all";
    default:
      return fmt::format("protocol {}", protocol);
  }
}

std::string describe(const Match& match) {
  auto text = protocol_name(match.protocol);
  if (has_ports(match.protocol)) {
    text += match.ports == PortRange{} ? " all ports" : " " + to_string(match.ports);
  }
  if (match.icmp_type != kAnyIcmp) text += fmt::format(" type {}", match.icmp_type);
  if (match.icmp_code != kAnyIcmp) text += fmt::format(" code {}", match.icmp_code);
  return text;
}

bool protocol_matches(const Match& match, const Packet& packet) {
  if (match.protocol == kAnyProtocol) return true;
  if (match.protocol != packet.protocol) return false;
  if (has_ports(packet.protocol)) return true;
  if (match.icmp_type == kAnyIcmp) return true;
  // Echo and its reply have code 0.
  return match.icmp_type == packet.icmp_type &&
         (match.icmp_code == kAnyIcmp || match.icmp_code == 0);
}

Packet answer_to(const Packet& packet) {
  Packet answer = packet;
  std::swap(answer.source, answer.destination);
  std::swap(answer.source_ports, answer.destination_ports);
  if (packet.icmp_type == kEchoRequest) answer.icmp_type = kEchoReply;
  if (packet.icmp_type == kEchoRequestV6) answer.icmp_type = kEchoReplyV6;
  answer.groups.clear();
  answer.groups_lost.clear();
  return answer;
}

void lose_groups(Packet& packet, std::string_view code) {
  if (packet.groups.empty()) return;
  packet.groups_lost = std::exchange(packet.groups, {});
  packet.groups_lost_code = code;
}

}  // namespace faultline::vpc
