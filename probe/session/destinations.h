// Destinations: which token bucket a packet to an address takes from, beside the node's own.
//
// Why it exists: a node's budget alone may all go to one rack. So peers are grouped
// (destination_group), and each group has a bucket. Loopback addresses are in none: nobody else is
// there.
//
// Pure. Looking up allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "common/model/plan.h"

namespace faultline::session {

using GroupNumber = std::uint32_t;  // from 0, in the order of the groups

[[nodiscard]] bool is_loopback(const IpAddress& address);

class Destinations {
 public:
  Destinations() = default;
  explicit Destinations(const std::vector<PlanPeer>& peers);

  [[nodiscard]] std::size_t groups() const { return groups_; }
  // Empty: an address that is no peer's, or loopback.
  [[nodiscard]] std::optional<GroupNumber> group_of(const IpAddress& address) const;

 private:
  std::vector<std::pair<IpAddress, GroupNumber>> by_address_;  // ascending
  std::size_t groups_ = 0;
};

}  // namespace faultline::session
