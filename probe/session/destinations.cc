#include "probe/session/destinations.h"

#include <algorithm>
#include <map>

namespace faultline::session {

bool is_loopback(const IpAddress& address) {
  if (address.is_v4()) return address.bytes()[0] == 127;
  std::array<std::uint8_t, 16> loopback{};
  loopback[15] = 1;
  return address.bytes() == loopback;
}

Destinations::Destinations(const std::vector<PlanPeer>& peers) {
  std::map<DestinationGroup, GroupNumber> numbers;
  for (const auto& peer : peers) {
    if (is_loopback(peer.address)) continue;
    const auto next = static_cast<GroupNumber>(numbers.size());
    const auto number = numbers.emplace(destination_group(peer), next).first->second;
    by_address_.emplace_back(peer.address, number);
  }
  groups_ = numbers.size();
  std::ranges::sort(by_address_);
}

std::optional<GroupNumber> Destinations::group_of(const IpAddress& address) const {
  const auto at =
      std::ranges::lower_bound(by_address_, address, {}, &std::pair<IpAddress, GroupNumber>::first);
  if (at == by_address_.end() || at->first != address) return std::nullopt;
  return at->second;
}

}  // namespace faultline::session
