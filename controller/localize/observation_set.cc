#include "controller/localize/observation_set.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "common/base/check.h"

namespace faultline::localize {
namespace {

constexpr std::array<std::pair<DeviceKind, std::string_view>, 10> kDeviceKindNames{{
    {DeviceKind::kSwitch, "switch"},
    {DeviceKind::kRouter, "router"},
    {DeviceKind::kHost, "host"},
    {DeviceKind::kVm, "vm"},
    {DeviceKind::kVswitch, "vswitch"},
    {DeviceKind::kGateway, "gateway"},
    {DeviceKind::kTunnel, "tunnel"},
    {DeviceKind::kZone, "zone"},
    {DeviceKind::kOther, "other"},
    {DeviceKind::kHypervisor, "hypervisor"},
}};

constexpr std::uint64_t kHashSeed = 0xcbf29ce484222325;

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash ^= value + 0x9e3779b97f4a7c15 + (hash << 6) + (hash >> 2);
  hash *= 0xff51afd7ed558ccd;
  return hash ^ (hash >> 32);
}

std::uint64_t ends_key(DeviceIndex from, DeviceIndex to) {
  return (std::uint64_t{from.value()} << 32) | to.value();
}

template <typename Value>
std::span<const Value> slice_of(const std::vector<Value>& values,
                                const std::vector<std::uint32_t>& ends, std::uint32_t index) {
  const std::uint32_t begin = index == 0 ? 0 : ends[index - 1];
  return {values.data() + begin, ends[index] - begin};
}

// The index of a list equal to `values` among the lists already stored, else the index of a new
// one.
template <typename Value>
std::uint32_t intern(std::span<const Value> values, std::uint64_t hash,
                     std::unordered_multimap<std::uint64_t, std::uint32_t>& by_hash,
                     std::vector<Value>& stored, std::vector<std::uint32_t>& ends) {
  const auto [first, last] = by_hash.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    if (std::ranges::equal(slice_of(stored, ends, it->second), values)) return it->second;
  }
  const auto index = static_cast<std::uint32_t>(ends.size());
  stored.insert(stored.end(), values.begin(), values.end());
  ends.push_back(static_cast<std::uint32_t>(stored.size()));
  by_hash.emplace(hash, index);
  return index;
}

}  // namespace

std::string_view to_string(DeviceKind kind) {
  for (const auto& [value, name] : kDeviceKindNames) {
    if (value == kind) return name;
  }
  return "unknown";
}

std::optional<DeviceKind> parse_device_kind(std::string_view text) {
  for (const auto& [value, name] : kDeviceKindNames) {
    if (name == text) return value;
  }
  return std::nullopt;
}

ObservationSet::ObservationSet() {
  device("*");  // kSilentHop
  flow("");     // kNoFlow
  delays_.emplace_back();
}

DeviceIndex ObservationSet::device(std::string_view id, DeviceKind kind, std::string_view tier) {
  const auto known = device_by_id_.find(id);
  if (known != device_by_id_.end()) {
    Device& existing = devices_[known->second.value()];
    if (kind != DeviceKind::kUnknown && kind != existing.kind) {
      existing.kind = kind;
      ++graph_revision_;
    }
    if (!tier.empty()) existing.tier = tier;
    return known->second;
  }
  const DeviceIndex index{static_cast<std::uint32_t>(devices_.size())};
  devices_.push_back({std::string(id), kind, std::string(tier)});
  device_by_id_.emplace(std::string(id), index);
  ++graph_revision_;
  return index;
}

void ObservationSet::put_in(DeviceIndex member, DeviceIndex container) {
  FAULTLINE_CHECK(member != kSilentHop && container != kSilentHop && member != container,
                  "two known devices");
  graph_revision_ += memberships_.insert({member, container}).second ? 1 : 0;
}

LinkIndex ObservationSet::append_link(Link link) {
  const LinkIndex index{static_cast<std::uint32_t>(links_.size())};
  link_by_id_.emplace(link.id, index);
  link_by_ends_.try_emplace(ends_key(link.from, link.to), index);
  links_.push_back(std::move(link));
  ++graph_revision_;
  return index;
}

Result<LinkIndex> ObservationSet::link(DeviceIndex from, DeviceIndex to,
                                       const LinkAttributes& attributes) {
  const std::string plain = at(from).id + ">" + at(to).id;
  const std::string id = attributes.id.empty() ? plain : std::string(attributes.id);
  auto index = find_link(id);
  if (!index) index = append_link({id, from, to, std::string(attributes.tier), 0, true});
  Link& link = links_[index->value()];
  if (link.from != from || link.to != to) {
    return fail(ErrorCode::kConflict, "link '" + id + "' already joins '" + at(link.from).id +
                                          "' to '" + at(link.to).id + "'");
  }
  if (!attributes.tier.empty()) link.tier = attributes.tier;
  if (attributes.mtu != 0) link.mtu = attributes.mtu;
  link.declared = true;
  if (id == plain) link_by_ends_[ends_key(from, to)] = *index;
  return *index;
}

LinkIndex ObservationSet::link(DeviceIndex from, DeviceIndex to) {
  const auto known = link_by_ends_.find(ends_key(from, to));
  if (known != link_by_ends_.end()) return known->second;
  return append_link({at(from).id + ">" + at(to).id, from, to, "", 0, false});
}

std::optional<LinkIndex> ObservationSet::find_link(std::string_view id) const {
  const auto known = link_by_id_.find(id);
  if (known == link_by_id_.end()) return std::nullopt;
  return known->second;
}

PathIndex ObservationSet::path(std::span<const DeviceIndex> hops) {
  FAULTLINE_CHECK(hops.size() >= 2, "a path has at least two hops");
  std::vector<LinkIndex> links;
  links.reserve(hops.size() - 1);
  for (std::size_t i = 1; i < hops.size(); ++i) links.push_back(link(hops[i - 1], hops[i]));
  return path_of_links(links);
}

PathIndex ObservationSet::path_of_links(std::span<const LinkIndex> links) {
  std::uint64_t hash = kHashSeed;
  for (const LinkIndex link : links) hash = mix(hash, link.value());
  return PathIndex{intern(links, hash, path_by_hash_, path_links_, path_ends_)};
}

RouteIndex ObservationSet::route(PathIndex path) {
  const std::array<WeightedPath, 1> only{WeightedPath{1, path}};
  return route(only);
}

RouteIndex ObservationSet::route(std::span<const WeightedPath> candidates) {
  std::uint64_t hash = kHashSeed;
  for (const WeightedPath& candidate : candidates) {
    hash = mix(hash, candidate.path.value());
    hash = mix(hash, std::bit_cast<std::uint64_t>(candidate.weight));
  }
  return RouteIndex{intern(candidates, hash, route_by_hash_, route_paths_, route_ends_)};
}

FlowIndex ObservationSet::flow(std::string_view text) {
  const auto known = flow_by_text_.find(text);
  if (known != flow_by_text_.end()) return known->second;
  const FlowIndex index{static_cast<std::uint32_t>(flows_.size())};
  flows_.emplace_back(text);
  flow_by_text_.emplace(std::string(text), index);
  return index;
}

std::uint32_t ObservationSet::add_delay(const Delay& delay) {
  delays_.push_back(delay);
  return static_cast<std::uint32_t>(delays_.size() - 1);
}

void ObservationSet::set_delays(std::vector<Delay> delays) {
  FAULTLINE_CHECK(!delays.empty(), "the first delay is nobody's");
  delays_ = std::move(delays);
  observations_.clear();
}

Status ObservationSet::add(const Observation& observation) {
  const auto known_route = [&](RouteIndex route) { return route.value() < route_ends_.size(); };
  if (observation.lost > observation.sent) {
    return fail(ErrorCode::kInvalid, "an observation lost more packets than it sent");
  }
  if (!known_route(observation.forward)) {
    return fail(ErrorCode::kInvalid, "an observation has no known route");
  }
  if (observation.back != kNoRoute && !known_route(observation.back)) {
    return fail(ErrorCode::kInvalid, "an observation has an unknown route back");
  }
  if (observation.src.value() >= devices_.size() || observation.dst.value() >= devices_.size() ||
      observation.flow.value() >= flows_.size() || observation.delay >= delays_.size()) {
    return fail(ErrorCode::kInvalid, "an observation names a device, flow or delay not in the set");
  }
  observations_.push_back(observation);
  return {};
}

void ObservationSet::add_health(ProbeHealth health) { health_.push_back(std::move(health)); }

}  // namespace faultline::localize
