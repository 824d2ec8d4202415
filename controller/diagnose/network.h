// Networks as rules see them: which interfaces lead out of a machine, which of them share a
// segment.
//
// Why it exists: two machines with 172.17.0.1 do not quarrel when each has it on a bridge of its
// own; two with 10.0.0.5 on the same cable do. Rules that compare nodes compare what shares a
// segment. Thread safety: pure. Lifetimes: a Member borrows from the NodeFacts that it was made of.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/diagnose/finding.h"

namespace faultline::diagnose {

inline constexpr std::uint32_t kMainTable = 254;  // RT_TABLE_MAIN of rtnetlink(7)

// The prefix without host bits.
[[nodiscard]] facts::Prefix network_of(const facts::Prefix& prefix);
[[nodiscard]] bool contains(const facts::Prefix& network, const IpAddress& address);
[[nodiscard]] std::string text_of(const facts::Prefix& prefix);

[[nodiscard]] const facts::Interface* find_interface(const facts::Facts& facts,
                                                     const std::string& name);
// Leads to other machines: a NIC, a bond, what stands on one, or a bridge with one as its port. A
// bridge that has only VMs and containers does not.
[[nodiscard]] bool leads_out(const facts::Facts& facts, const facts::Interface& interface);

// The route that a packet to this address takes from the main table; null: there is none.
[[nodiscard]] const facts::Route* lookup(const facts::Facts& facts, const IpAddress& address);
[[nodiscard]] const facts::Route* default_route(const facts::Facts& facts, bool v4);

// An address of global scope on an interface that leads out, is up, and is no host route.
struct Member {
  const NodeFacts* node = nullptr;
  const facts::Interface* interface = nullptr;
  const facts::Address* address = nullptr;
};

// Members that share a network and, as far as their neighbor tables tell, a wire.
struct Segment {
  facts::Prefix network{};
  std::vector<Member> members{};
  bool proven = false;  // all by neighbor tables; otherwise by the network's number alone
};

[[nodiscard]] std::vector<Member> members_of(const std::vector<NodeFacts>& fleet);
// Networks that more than one node is in. Members whose gateways answer with different MACs are in
// different ones.
[[nodiscard]] std::vector<Segment> segments_of(const std::vector<NodeFacts>& fleet);
// One of them has resolved the other's address to the other's MAC, on these interfaces.
[[nodiscard]] bool hear_each_other(const Member& a, const Member& b);

}  // namespace faultline::diagnose
