// What a host's own firewall does to one packet, as far as facts tell.
//
// Why it exists: "is it the firewall of A or of B" is asked of a pair, and most rules that stop a
// pair name an address. Base chains are walked in order; a chain that is jumped to may be reached
// or not, so that its rules say "perhaps". Thread safety: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "controller/diagnose/finding.h"

namespace faultline::diagnose {

struct Packet {
  std::string protocol{};  // "udp", "tcp", "icmp"
  IpAddress src{};
  IpAddress dst{};
  std::optional<std::uint16_t> port{};  // destination; empty: any
  bool reply = false;                   // of a conversation that the other side began
  std::string interface {};             // that it comes or goes by; empty: not known
};

enum class Fate : std::uint8_t {
  kPasses,
  kUnknown,  // the rules cannot be followed to the end
  kPerhaps,  // a rule that asks more than is known here may drop it
  kPartly,   // dropped at random, by a limit, or for some source ports
  kDropped,
};

struct Ruling {
  Fate fate = Fate::kUnknown;
  std::string chain{};  // "ip filter INPUT"
  std::string rule{};   // in words: "rule: drop udp 862 (-s 10.1.1.2), 31 packets so far"
  bool iptables = false;
  std::string chain_name{};
  std::optional<std::uint64_t> counted{};
};

// The rule that sends a packet which comes in somewhere else; empty: there is none for sure.
[[nodiscard]] std::optional<Ruling> translation_of(const facts::Firewall& firewall,
                                                   const Packet& packet);

// `hook`: "input", "output" or "forward". kPasses where there is no chain.
[[nodiscard]] Ruling rule_on(const facts::Firewall& firewall, const std::string& hook,
                             const Packet& packet);

}  // namespace faultline::diagnose
