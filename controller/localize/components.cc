#include "controller/localize/components.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace faultline::localize {
namespace {

// "#2" of "leaf1>spine1#2": parallel links pair up by it.
std::string_view parallel_suffix(std::string_view id) {
  const std::size_t mark = id.rfind('#');
  return mark == std::string_view::npos ? std::string_view{} : id.substr(mark);
}

}  // namespace

ComponentTable::ComponentTable(const ObservationSet& set, const Problem& problem) : set_(set) {
  passed_through_ = problem.passed_through;
  passed_through_.resize(set.devices().size());
  is_hypervisor_.resize(set.devices().size());
  for (const Membership& it : set.memberships()) {
    is_hypervisor_[it.container.value()] = set.at(it.container).kind != DeviceKind::kZone;
  }
  host_link_.resize(set.links().size());
  for (std::uint32_t link = 0; link < set.links().size(); ++link) {
    const Link& it = set.links()[link];
    host_link_[link] = is_host(it.from) || is_host(it.to);
    if (problem.crossed[link] == 0) continue;
    add({&link, 1}, {SuspectKind::kLink, link});
    ++directed_links_;
  }
  add_cables(problem);
  add_devices(problem);
  index_links();
}

bool ComponentTable::is_host(DeviceIndex device) const {
  switch (set_.at(device).kind) {
    case DeviceKind::kHost:
    case DeviceKind::kVm:
    case DeviceKind::kHypervisor:
      return true;
    case DeviceKind::kUnknown:
      return device != kSilentHop && passed_through_[device.value()] == 0;
    default:
      return false;
  }
}

SuspectKind ComponentTable::kind_of(DeviceIndex device) const {
  switch (set_.at(device).kind) {
    case DeviceKind::kVm:
      return SuspectKind::kVm;
    case DeviceKind::kGateway:
      return SuspectKind::kGateway;
    case DeviceKind::kTunnel:
      return SuspectKind::kTunnel;
    case DeviceKind::kZone:
      return SuspectKind::kZone;
    case DeviceKind::kHypervisor:
      return SuspectKind::kHypervisor;
    case DeviceKind::kVswitch:
      return SuspectKind::kVswitch;
    default:
      if (is_hypervisor_[device.value()] != 0) return SuspectKind::kHypervisor;
      return is_host(device) ? SuspectKind::kHost : SuspectKind::kDevice;
  }
}

void ComponentTable::add(std::span<const std::uint32_t> links, ComponentName name) {
  const auto first = static_cast<std::uint32_t>(links_.size());
  const auto count = static_cast<std::uint32_t>(links.size());
  links_.insert(links_.end(), links.begin(), links.end());
  components_.push_back({first, count, {}});
  names_.push_back(name);
}

void ComponentTable::add_cables(const Problem& problem) {
  // Links between the same two devices next to each other, in order.
  std::vector<std::pair<std::uint64_t, std::uint32_t>> by_ends;
  for (std::uint32_t link = 0; link < set_.links().size(); ++link) {
    const Link& it = set_.links()[link];
    if (problem.crossed[link] == 0 || it.from == kSilentHop || it.to == kSilentHop) continue;
    const std::uint32_t low = std::min(it.from.value(), it.to.value());
    const std::uint32_t high = std::max(it.from.value(), it.to.value());
    by_ends.emplace_back((std::uint64_t{low} << 32) | high, link);
  }
  std::ranges::sort(by_ends);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
  for (std::size_t i = 1; i < by_ends.size(); ++i) {
    const auto& [ends, link] = by_ends[i];
    const Link& it = set_.links()[link];
    for (std::size_t j = i; j-- > 0 && by_ends[j].first == ends;) {
      const std::uint32_t other = by_ends[j].second;
      const Link& opposite = set_.links()[other];
      if (opposite.from != it.to || it.from == it.to) continue;
      if (parallel_suffix(opposite.id) != parallel_suffix(it.id)) continue;
      pairs.emplace_back(link, other);
      break;
    }
  }
  std::ranges::sort(pairs);
  for (const auto& [link, other] : pairs) {
    add(std::array{other, link}, {SuspectKind::kCable, other});
  }
}

// Adds the links of the members to those of what they are in.
void ComponentTable::add_containers(std::vector<std::vector<std::uint32_t>>& touching) const {
  std::map<DeviceIndex, std::vector<DeviceIndex>> members;
  for (const Membership& it : set_.memberships()) members[it.container].push_back(it.member);
  for (const auto& [container, inside] : members) {
    const bool zone = set_.at(container).kind == DeviceKind::kZone;
    std::vector<std::uint32_t> links = touching[container.value()];
    for (const DeviceIndex member : inside) {
      for (const std::uint32_t link : touching[member.value()]) {
        const Link& it = set_.links()[link];
        const DeviceIndex other = it.from == member ? it.to : it.from;
        const bool stays = std::ranges::binary_search(inside, other);
        if (!zone || !stays) links.push_back(link);
      }
    }
    std::ranges::sort(links);
    links.erase(std::unique(links.begin(), links.end()), links.end());
    touching[container.value()] = std::move(links);
  }
}

std::vector<std::vector<std::uint32_t>> ComponentTable::links_by_device(
    const Problem& problem) const {
  std::vector<std::vector<std::uint32_t>> touching(set_.devices().size());
  for (std::uint32_t link = 0; link < set_.links().size(); ++link) {
    if (problem.crossed[link] == 0) continue;
    const Link& it = set_.links()[link];
    touching[it.from.value()].push_back(link);
    if (it.to != it.from) touching[it.to.value()].push_back(link);
  }
  add_containers(touching);
  return touching;
}

void ComponentTable::add_devices(const Problem& problem) {
  constexpr std::uint32_t kNone = 0xffffffff;
  const auto touching = links_by_device(problem);
  // Twins have the same first link: lists of the components by theirs.
  std::vector<std::uint32_t> last(set_.links().size(), kNone);
  std::vector<std::uint32_t> before;
  const auto enlist = [&](std::uint32_t component) {
    before.push_back(std::exchange(last[links_of(component)[0]], component));
  };
  for (std::uint32_t i = 0; i < components_.size(); ++i) enlist(i);
  std::vector<Twin> twins;
  for (std::uint32_t i = kSilentHop.value() + 1; i < touching.size(); ++i) {
    if (touching[i].empty()) continue;
    const ComponentName name{kind_of(DeviceIndex{i}), i};
    std::uint32_t twin = last[touching[i][0]];
    while (twin != kNone && !std::ranges::equal(links_of(twin), touching[i])) twin = before[twin];
    if (twin != kNone) {
      twins.emplace_back(twin, name);
      continue;
    }
    add(touching[i], name);
    enlist(static_cast<std::uint32_t>(components_.size() - 1));
  }
  std::ranges::stable_sort(twins, {}, &Twin::first);
  join_names(twins);
}

void ComponentTable::join_names(const std::vector<Twin>& twins) {
  const std::vector<ComponentName> first = std::exchange(names_, {});
  names_.reserve(first.size() + twins.size());  // so that what was joined stays in place
  auto twin = twins.begin();
  for (std::uint32_t i = 0; i < components_.size(); ++i) {
    const std::size_t begin = names_.size();
    names_.push_back(first[i]);
    for (; twin != twins.end() && twin->first == i; ++twin) {
      // A host and its only cable cannot be told apart; more faults are of hosts (R-Pingmesh,
      // SIGCOMM 2024).
      const ComponentName& name = twin->second;
      const bool host_first =
          is_host(DeviceIndex{name.index}) && names_[begin].kind == SuspectKind::kCable;
      names_.push_back(name);
      if (host_first)
        std::rotate(names_.begin() + static_cast<std::ptrdiff_t>(begin), names_.end() - 1,
                    names_.end());
    }
    components_[i].names = {names_.data() + begin, names_.size() - begin};
  }
}

void ComponentTable::index_links() {
  over_first_.assign(set_.links().size() + 1, 0);
  for (const std::uint32_t link : links_) ++over_first_[link + 1];
  for (std::size_t i = 1; i < over_first_.size(); ++i) over_first_[i] += over_first_[i - 1];
  over_.resize(links_.size());
  std::vector<std::uint32_t> next(over_first_.begin(), over_first_.end() - 1);
  for (std::uint32_t i = 0; i < components_.size(); ++i) {
    for (const std::uint32_t link : links_of(i)) over_[next[link]++] = i;
  }
}

std::string ComponentTable::id(const ComponentName& name) const {
  if (name.kind == SuspectKind::kLink) return set_.links()[name.index].id;
  if (name.kind != SuspectKind::kCable) return set_.devices()[name.index].id;
  const Link& link = set_.links()[name.index];
  const auto [low, high] = std::minmax(set_.at(link.from).id, set_.at(link.to).id);
  return low + "=" + high + std::string(parallel_suffix(link.id));
}

}  // namespace faultline::localize
