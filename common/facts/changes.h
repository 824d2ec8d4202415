// What changed between two snapshots of a node, for people: one line per value, named by what it
// belongs to and not by its place in a list.
//
// Why it exists: a JSON Patch says "/interfaces/items/3/mtu"; an engineer asks about eth0.
// What only counts or comes and goes by itself (exchange.h's `lasting`) is left out.
// Thread safety: pure.
#pragma once

#include <string>
#include <vector>

#include "common/facts/facts.h"

namespace faultline::facts {

struct Change {
  std::string what{};    // "interfaces eth0 mtu", "routes 0.0.0.0/0 table 254 metric 0"
  std::string before{};  // empty: it was not there
  std::string after{};   // empty: it is no longer there

  bool operator==(const Change&) const = default;
};

// By `what`.
[[nodiscard]] std::vector<Change> changes(const Facts& before, const Facts& after);

}  // namespace faultline::facts
