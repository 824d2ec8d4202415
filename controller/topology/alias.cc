#include "controller/topology/alias.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace faultline::topology {

IpAddress mate_of(const IpAddress& address) {
  if (address.is_v4()) return IpAddress::v4(address.v4_host_order() ^ 1U);
  auto bytes = address.bytes();
  bytes.back() ^= 1U;
  return IpAddress::v6(bytes);
}

std::string to_string(const AliasConflict& conflict) {
  return fmt::format(
      "{} and {} look like one device, but then {} and {} would be one too, which are declared "
      "apart or answered at different hops of one path",
      conflict.address.to_string(), conflict.mate.to_string(), conflict.apart_left.to_string(),
      conflict.apart_right.to_string());
}

void AliasResolver::declare(std::span<const IpAddress> addresses, Declared declared) {
  Group group{{}, declared};
  for (const auto& address : addresses) {
    if (declared_.insert(address).second) group.first.push_back(address);
  }
  if (group.first.empty()) return;
  groups_.push_back(std::move(group));
  dirty_ = true;
}

void AliasResolver::clear_declared() {
  groups_.clear();
  declared_.clear();
  dirty_ = true;
}

void AliasResolver::note(std::set<Pair>& pairs, const IpAddress& first, const IpAddress& second) {
  if (pairs.contains({first, second})) return;
  if (pairs.size() >= kLearnedPairsMax) {
    ++overflows_;
    return;
  }
  pairs.emplace(first, second);
  dirty_ = true;
}

void AliasResolver::learn(std::span<const Hop> hops, const std::optional<IpAddress>& far_end) {
  std::vector<IpAddress> seen;
  for (std::size_t i = 0; i < hops.size(); ++i) {
    if (!hops[i].address) continue;
    const auto& address = *hops[i].address;
    if (!hops_.contains(address)) {
      if (hops_.size() >= kLearnedAddressesMax) {
        ++overflows_;
        continue;
      }
      hops_.insert(address);
      dirty_ = true;
    }
    for (const auto& earlier : seen) {
      if (earlier == address) continue;  // a routing loop, or a hop that answered twice
      note(apart_, std::min(earlier, address), std::max(earlier, address));
    }
    seen.push_back(address);
    if (i > 0 && hops[i - 1].address && *hops[i - 1].address != address) {
      note(steps_, *hops[i - 1].address, address);
    }
  }
  if (far_end && !hops.empty() && hops.back().address) {
    note(last_steps_, *hops.back().address, *far_end);
  }
}

bool AliasResolver::settle() {
  if (!dirty_) return false;
  dirty_ = false;
  conflicts_.clear();
  list_addresses();
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const auto& members = groups_[g].first;
    for (const auto& address : members) join(index_.at(members.front()), index_.at(address));
    group_[root_of(index_.at(members.front()))] = g;
  }
  for (const auto& [from, to] : steps_) merge(from, mate_of(to));
  for (const auto& [from, far_end] : last_steps_) {
    if (hops_.contains(mate_of(far_end))) merge(from, mate_of(far_end));
  }
  for (std::size_t i = 0; i < parent_.size(); ++i) parent_[i] = root_of(i);
  std::ranges::sort(conflicts_);
  const auto repeated = std::ranges::unique(conflicts_);
  conflicts_.erase(repeated.begin(), repeated.end());
  return true;
}

void AliasResolver::list_addresses() {
  std::set<IpAddress> all = hops_;
  all.insert(declared_.begin(), declared_.end());
  for (const auto& [from, to] : steps_) {
    all.insert(from);
    all.insert(mate_of(to));
  }
  for (const auto& [from, far_end] : last_steps_) all.insert(from);
  addresses_.assign(all.begin(), all.end());
  index_.clear();
  parent_.resize(addresses_.size());
  members_.assign(addresses_.size(), {});
  apart_from_.assign(addresses_.size(), {});
  group_.assign(addresses_.size(), kUndeclared);
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    index_.emplace(addresses_[i], i);
    parent_[i] = i;
    members_[i] = {i};
  }
  for (const auto& [low, high] : apart_) {
    apart_from_[index_.at(low)].push_back(index_.at(high));
    apart_from_[index_.at(high)].push_back(index_.at(low));
  }
}

void AliasResolver::merge(const IpAddress& address, const IpAddress& mate) {
  const auto left = root_of(index_.at(address));
  const auto right = root_of(index_.at(mate));
  if (left == right || is_closed(left) || is_closed(right)) return;
  if (const auto contradiction = find_contradiction(left, right)) {
    conflicts_.push_back({address, mate, contradiction->first, contradiction->second});
    return;
  }
  join(left, right);
}

// Two addresses, one of each side, that cannot be on one device.
std::optional<AliasResolver::Pair> AliasResolver::find_contradiction(std::size_t left,
                                                                     std::size_t right) {
  if (group_[left] != kUndeclared && group_[right] != kUndeclared) {
    return Pair{groups_[group_[left]].first.front(), groups_[group_[right]].first.front()};
  }
  if (members_[left].size() > members_[right].size()) std::swap(left, right);
  for (const auto member : members_[left]) {
    for (const auto other : apart_from_[member]) {
      if (root_of(other) == right) return std::minmax(addresses_[member], addresses_[other]);
    }
  }
  return std::nullopt;
}

void AliasResolver::join(std::size_t left, std::size_t right) {
  left = root_of(left);
  right = root_of(right);
  if (left == right) return;
  const auto root = std::min(left, right);
  const auto child = std::max(left, right);
  parent_[child] = root;
  if (group_[root] == kUndeclared) group_[root] = group_[child];
  members_[root].insert(members_[root].end(), members_[child].begin(), members_[child].end());
  members_[child].clear();
}

bool AliasResolver::is_closed(std::size_t root) const {
  return group_[root] != kUndeclared && groups_[group_[root]].second == Declared::kClosed;
}

// Path halving.
std::size_t AliasResolver::root_of(std::size_t index) {
  while (parent_[index] != index) {
    parent_[index] = parent_[parent_[index]];
    index = parent_[index];
  }
  return index;
}

IpAddress AliasResolver::device_of(const IpAddress& address) const {
  const auto found = index_.find(address);
  return found == index_.end() ? address : addresses_[parent_[found->second]];
}

std::vector<std::vector<IpAddress>> AliasResolver::devices() const {
  std::vector<std::vector<IpAddress>> result;
  for (const auto& members : members_) {
    if (members.empty()) continue;
    std::vector<IpAddress> addresses;
    for (const auto member : members) addresses.push_back(addresses_[member]);
    std::ranges::sort(addresses);
    result.push_back(std::move(addresses));
  }
  return result;
}

}  // namespace faultline::topology
