// Which way a host sends a packet, by its rules and tables. Thread safety: pure. Lifetimes: a Way
// borrows from the facts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/diagnose/network.h"

namespace faultline::diagnose {

enum class WayKind : std::uint8_t {
  kUnknown,   // the tables were not read whole, or a rule asks what is not known here
  kNone,      // no route
  kDiscards,  // blackhole, unreachable, prohibit
  kDirect,    // the target is taken for a neighbor
  kGateway,
};

struct Way {
  WayKind kind = WayKind::kUnknown;
  const facts::Route* route = nullptr;  // kDiscards, kDirect, kGateway

  // Where packets go by; empty: several ways, or none.
  [[nodiscard]] std::string interface() const;
  [[nodiscard]] std::vector<IpAddress> gateways() const;
};

[[nodiscard]] Way way_to(const facts::Facts& facts, const IpAddress& from, const IpAddress& to);
// "default via 10.0.0.1 dev eth0"
[[nodiscard]] std::string text_of(const facts::Route& route);
[[nodiscard]] const facts::Neighbor* neighbor_of(const facts::Facts& facts,
                                                 const IpAddress& address);
// The address as it is configured; null: it is not, or not known.
[[nodiscard]] const facts::Address* configured(const facts::Facts& facts, const IpAddress& address);

}  // namespace faultline::diagnose
