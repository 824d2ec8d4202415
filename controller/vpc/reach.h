// Reachability: may A talk to B on a protocol and port, and if not, which rule stops it, in which
// direction?
//
// Both directions of one conversation are walked, packet by element: security groups (stateful:
// asked once, in the direction of who starts), network ACLs (stateless: asked at every subnet edge
// both ways, for the answers with the client's ports), routes by longest prefix, and what each
// gateway carries and translates. What the snapshot lacks is unknown, never assumed.
//
// Sources: Amazon VPC user guide ("Route priority", "Network ACLs", "NAT gateways", "Internet
// gateways"), Amazon VPC peering guide, AWS Transit Gateway guide ("How NACLs work with transit
// gateways"). Codes are those of `faultline explain aws` and `faultline explain snapshot`.
//
// Not modeled, and answered as unknown: gateway load balancers' appliances, NAT64, core networks,
// local and carrier gateways, transit gateway connect and policy tables. Load balancers, endpoint
// policies, Network Firewall's rules and VPC Block Public Access are not looked at. A machine that
// packets are routed through is taken to forward them.
// Thread safety: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "controller/vpc/model.h"

namespace faultline::vpc {

inline constexpr int kIcmp = 1;
inline constexpr int kTcp = 6;
inline constexpr int kUdp = 17;
inline constexpr int kIcmpV6 = 58;

// Linux takes 32768-60999 and Windows 49152-65535; NAT gateways take 1024-65535.
inline constexpr PortRange kClientPorts{32'768, 65'535};
inline constexpr PortRange kNatPorts{1'024, 65'535};
// Steps of one walk, beyond which the routes are taken to lead in a circle.
inline constexpr int kHopsMax = 32;

struct Question {
  std::string from{};  // id of an instance, interface or endpoint, name, or address
  std::string to{};
  int protocol = kTcp;  // kIcmp means echo, over IPv6 too
  std::uint16_t port = 443;
  PortRange client_ports = kClientPorts;
  bool ipv6 = false;  // which addresses names and ids stand for

  bool operator==(const Question&) const = default;
};

enum class Direction : std::uint8_t { kForward, kReturn };  // from A to B, and the answers
[[nodiscard]] std::string_view to_string(Direction direction);

enum class Verdict : std::uint8_t {
  kAllowed,
  kPartly,  // only answers to some of the client's ports pass
  kDenied,
  kUnknown,  // nothing stops it, but something that matters is not in the snapshot
};
[[nodiscard]] std::string_view to_string(Verdict verdict);

// One element that was asked.
struct Step {
  Direction direction = Direction::kForward;
  std::string element{};  // id
  std::string what{};     // "security group web (sg-1), inbound"
  std::string rule{};     // what decided: "tcp 443 from 10.0.0.0/8", "10.0.0.0/16 -> local"
  bool passed = true;

  bool operator==(const Step&) const = default;
};

struct Stop {
  Direction direction = Direction::kForward;
  std::string code{};
  std::string element{};
  std::string rule{};  // empty: there is none that admits
  std::string sentence{};
  bool partly = false;   // only some ports are stopped
  bool unknown = false;  // not a stop, but where knowledge ends

  bool operator==(const Stop&) const = default;
};

// A or B.
struct Party {
  std::string asked{};       // as in the question
  std::string name{};        // for people
  std::string interface {};  // empty: outside of the snapshot
  IpAddress address{};       // where packets go to, or come from

  bool operator==(const Party&) const = default;
};

struct Answer {
  Verdict verdict = Verdict::kUnknown;
  Question question{};
  Party from{};
  Party to{};
  std::optional<Stop> stop{};  // unless kAllowed
  std::vector<Step> trail{};
  std::vector<std::string> notes{};  // assumptions that were made

  bool operator==(const Answer&) const = default;
};

// An Error when A or B is not in the snapshot or is ambiguous; it says what to type instead.
[[nodiscard]] Result<Answer> reach(const Model& model, const Question& question);

}  // namespace faultline::vpc
