// Which frames belong to a conversation of this probe.
//
// Why it exists: a capture must show nothing of other programs, and yet see a peer that NAT gives
// another address. The kernel's filter (bpf_text) keeps what could belong; classify() decides.
//
// Pure; thread safety: none needed.
#pragma once

#include <cstdint>
#include <string>

#include "common/capture/packet.h"
#include "common/model/address.h"

namespace faultline::capture {

struct Wanted {
  Endpoint remote{};             // port 0: any
  std::uint16_t local_port = 0;  // 0: any; one of the two ports is not 0
};

enum class Belongs : std::uint8_t {
  kNo = 0,
  kOwn = 1,    // between this machine's port and the remote address, or an ICMP error about it
  kOther = 2,  // with these ports and another address: a peer behind NAT, or another peer
};

[[nodiscard]] Belongs classify(const Packet& packet, const Wanted& wanted);

// For pcap_compile(): UDP of the ports, fragments and ICMP.
[[nodiscard]] std::string bpf_text(const Wanted& wanted);

}  // namespace faultline::capture
