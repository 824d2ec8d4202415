// Placement: which node is a virtual machine of which host, and how it is connected.
//
// Why it exists: a VM behind NAT cannot be reached from outside, a macvtap never hears its own
// host, an internal bridge leads nowhere: what is unreachable *by design* must be explained and
// never alarmed. And a VM is localized apart from its host only when the tool knows which that is.
//
// Everything is deduced from facts, strongest first:
//   a tap's or macvtap's own MAC is made of the VM's (libvirt: fe:... and the rest alike; macvtap:
//   the same); a bridge has learned the VM's MAC behind a virtual port; a host has resolved the VM
//   on a bridge that leads nowhere; a macvlan interface says itself what it is, and its host is the
//   one neighbor that does not answer it.
// A port of a bridge behind which the gateway or several nodes are is the way out, whatever kind of
// interface it is. What cannot be told is left out, never guessed.
//
// Thread safety: pure. Cost: linear in facts, for macvlans times the nodes of their network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/diagnose/finding.h"

namespace faultline::diagnose {

enum class Attachment : std::uint8_t {
  kBridged,   // a port of a bridge that leads out: a machine of the host's own network
  kRouted,    // an internal bridge whose host forwards and translates nothing
  kNat,       // an internal bridge whose host forwards: others have no way in
  kIsolated,  // an internal bridge whose host does not forward
  kMacvlan,   // on the host's NIC, beside the host: the two do not hear each other
  kMacvtap,   // likewise
  kOverlay,   // a bridge with a VXLAN
};
[[nodiscard]] std::string_view to_string(Attachment attachment);

struct Placement {
  std::string vm{};
  std::string nic{};   // of the VM
  std::string host{};  // empty: some host that is not known
  Attachment attachment = Attachment::kBridged;
  std::string bridge{};                 // of the host; empty: none, or not known
  std::string port{};                   // of the bridge, or the macvtap; empty: not known
  std::string uplink{};                 // of the host: where the bridge or macvtap leads out
  std::vector<std::string> evidence{};  // one line each
  bool proven = false;                  // otherwise it fits, and nothing else that is known does

  bool operator==(const Placement&) const = default;
};

// By vm, then nic. A nic is in at most one placement.
[[nodiscard]] std::vector<Placement> place(const std::vector<NodeFacts>& fleet);

// Why one cannot talk to the other though nothing is broken.
struct ByDesign {
  Attachment attachment = Attachment::kIsolated;
  bool there = false;      // what A sends never reaches B
  bool back = false;       // what B sends never reaches A
  std::string sentence{};  // "db is behind h7's NAT: ..."
  std::vector<std::string> evidence{};
  std::string remedy{};  // if it is to be otherwise

  bool operator==(const ByDesign&) const = default;
};

// Empty: by what is known they should hear each other.
[[nodiscard]] std::optional<ByDesign> by_design(const std::vector<Placement>& placements,
                                                const std::string& a, const std::string& b);

}  // namespace faultline::diagnose
