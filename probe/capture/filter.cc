#include "probe/capture/filter.h"

#include <fmt/format.h>

namespace faultline::capture {
namespace {

bool matches(std::uint16_t wanted, std::uint16_t port) { return wanted == 0 || wanted == port; }

// `far` is the endpoint of the remote machine, `near` this one's.
bool ports_match(const Endpoint& near, const Endpoint& far, const Wanted& wanted) {
  return matches(wanted.local_port, near.port) && matches(wanted.remote.port, far.port);
}

}  // namespace

Belongs classify(const Packet& packet, const Wanted& wanted) {
  const auto& remote = wanted.remote.address;
  if (packet.icmp) {
    const auto& error = *packet.icmp;
    const bool ours = (error.to.address == remote && ports_match(error.from, error.to, wanted)) ||
                      (error.from.address == remote && ports_match(error.to, error.from, wanted));
    return ours ? Belongs::kOwn : Belongs::kNo;
  }
  if (packet.fragment_offset != 0) {
    // It has no ports; nobody but the remote machine is worth guessing for.
    const bool ours = packet.from.address == remote || packet.to.address == remote;
    return ours ? Belongs::kOwn : Belongs::kNo;
  }
  if (!packet.udp) return Belongs::kNo;
  const bool leaves = ports_match(packet.from, packet.to, wanted);
  const bool arrives = ports_match(packet.to, packet.from, wanted);
  if (!leaves && !arrives) return Belongs::kNo;
  const bool ours =
      (leaves && packet.to.address == remote) || (arrives && packet.from.address == remote);
  return ours ? Belongs::kOwn : Belongs::kOther;
}

std::string bpf_text(const Wanted& wanted) {
  std::string ports;
  for (const auto port : {wanted.local_port, wanted.remote.port}) {
    if (port == 0) continue;
    ports += fmt::format("{}udp port {}", ports.empty() ? "" : " and ", port);
  }
  const auto base = wanted.remote.address.is_v4()
                        ? fmt::format("({}) or (ip[6:2] & 0x1fff != 0) or icmp", ports)
                        : fmt::format("({}) or (ip6[6] == 44) or icmp6", ports);
  // Tagged frames too: libpcap shifts its offsets by the tag from `vlan` on.
  return fmt::format("{0} or (vlan and ({0}))", base);
}

}  // namespace faultline::capture
