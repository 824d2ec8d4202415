// For this folder's sources only: what security groups and network ACLs say of a packet.
#pragma once

#include <string>
#include <vector>

#include "controller/vpc/index.h"
#include "controller/vpc/reach_packet.h"

namespace faultline::vpc {

enum class Side : std::uint8_t { kInbound, kOutbound };
[[nodiscard]] std::string_view to_string(Side side);

struct Ruling {
  enum class Kind : std::uint8_t { kAdmitted, kPartly, kRefused, kUnknown };
  Kind kind = Kind::kAdmitted;
  std::string element{};   // the group or list that decided
  std::string name{};      // of the element, for people
  std::string rule{};      // that decided; empty where none admits
  std::string code{};      // of a refusal
  std::string sentence{};  // of a refusal or what is not known
};

// The union of what the interface's groups admit. An interface without groups has no such filter.
[[nodiscard]] Ruling ask_groups(const Model& model, const std::string& interface_id,
                                const Interface& interface, Side side, const Packet& packet);
// The subnet's list, for all of the packet's destination ports.
[[nodiscard]] Ruling ask_list(const Model& model, const std::string& subnet, Side side,
                              const Packet& packet);

}  // namespace faultline::vpc
