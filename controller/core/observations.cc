#include "controller/core/observations.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "controller/core/sickness.h"

namespace faultline::core {
namespace {

using localize::DeviceIndex;
using localize::FlowIndex;
using localize::LinkIndex;
using localize::ObservationSet;
using localize::RouteIndex;

// A round trip's delay. Of one window the probe tells minimum and maximum: up to 20 answers the
// latter is their p95, by nearest rank; of more it is not, and nothing is said.
localize::Delay round_trip_delay(const FlowWindow& flow) {
  constexpr std::uint32_t kMaxIsP95 = 20;
  constexpr float kNsPerUs = 1000;
  localize::Delay delay;
  delay.min_us = static_cast<float>(flow.rtt_min_ns) / kNsPerUs;
  if (flow.answered() <= kMaxIsP95) delay.p95_us = static_cast<float>(flow.rtt_max_ns) / kNsPerUs;
  return delay;
}

// What a probe does not state is its smallest packet: STAMP over UDP and IPv4, unauthenticated.
constexpr std::uint32_t kSmallPacketBytes = 72;

// Copies what flows in use name from one set into another, by the names that it had.
class Translation {
 public:
  Translation(const ObservationSet& from, ObservationSet& to)
      : from_(from),
        to_(to),
        devices_(from.devices().size()),
        routes_(from.route_count()),
        flows_(from.flow_count()) {}

  // Whose names have become others.
  void put(DeviceIndex old, DeviceIndex now) { devices_[old.value()] = now; }
  void put(RouteIndex old, RouteIndex now) { routes_[old.value()] = now; }
  void put(FlowIndex old, FlowIndex now) { flows_[old.value()] = now; }

  DeviceIndex operator()(DeviceIndex old) {
    auto& now = devices_[old.value()];
    if (!now) now = to_.device(from_.at(old).id, from_.at(old).kind, from_.at(old).tier);
    return *now;
  }
  FlowIndex operator()(FlowIndex old) {
    auto& now = flows_[old.value()];
    if (!now) now = to_.flow(from_.at(old));
    return *now;
  }
  RouteIndex operator()(RouteIndex old) {
    if (old == localize::kNoRoute) return old;
    auto& now = routes_[old.value()];
    if (now) return *now;
    std::vector<localize::WeightedPath> candidates;
    for (const auto& candidate : from_.at(old)) {
      std::vector<LinkIndex> links;
      for (const LinkIndex link : from_.at(candidate.path)) links.push_back(copy(from_.at(link)));
      candidates.push_back({candidate.weight, to_.path_of_links(links)});
    }
    now = to_.route(candidates);
    return *now;
  }

 private:
  LinkIndex copy(const localize::Link& link) {
    const DeviceIndex from = (*this)(link.from);
    const DeviceIndex to = (*this)(link.to);
    if (!link.declared) return to_.link(from, to);
    // Its id may mean another cable by now; then any between the two has to do.
    return to_.link(from, to, {.id = link.id}).value_or(to_.link(from, to));
  }

  const ObservationSet& from_;
  ObservationSet& to_;
  std::vector<std::optional<DeviceIndex>> devices_;
  std::vector<std::optional<RouteIndex>> routes_;
  std::vector<std::optional<FlowIndex>> flows_;
};

}  // namespace

PathFinder paths_of(const topology::PathBook& book) {
  const auto paths = book.paths();
  // Reports name their sessions in order, as the book does: mostly it is the next one.
  auto next = std::make_shared<decltype(paths.begin())>(paths.begin());
  return [paths, next](const topology::PathKey& key, WallTime at) -> topology::PathAt {
    if (*next == paths.end() || (*next)->first != key) *next = paths.find(key);
    if (*next == paths.end()) return {};
    return (*next)++->second.at(at);
  };
}

std::size_t ObservationBuilder::KeyHash::operator()(const plan::FlowKey& key) const {
  std::uint64_t hash = (std::uint64_t{key.source.value()} << 32) | key.target.value();
  hash = (hash ^ (std::uint64_t{key.source_port} << 48)) * 0xff51afd7ed558ccd;
  return hash ^ (hash >> 32);
}

ObservationBuilder::ObservationBuilder(const topology::Topology& topology, PathFinder paths)
    : topology_(&topology), paths_(std::move(paths)) {
  declare_devices();
}

void ObservationBuilder::declare_devices() {
  const auto devices = topology_->devices();
  for (const auto& device : devices) {
    set_.device(device.id,
                localize::parse_device_kind(topology::to_string(device.kind))
                    .value_or(localize::DeviceKind::kUnknown),
                device.tier);
  }
  for (const auto& device : devices) {
    put_in(device.id, device.placement.hypervisor, localize::DeviceKind::kUnknown);
    put_in(device.id, device.placement.zone, localize::DeviceKind::kZone);
  }
}

void ObservationBuilder::put_in(const std::string& member, const std::string& container,
                                localize::DeviceKind kind) {
  if (container.empty() || container == member) return;
  set_.put_in(set_.device(member), set_.device(container, kind));
}

localize::DeviceIndex ObservationBuilder::device_of(NodeId node) {
  return set_.device(topology_->node_name(node));
}

void ObservationBuilder::use(const topology::Topology& topology, PathFinder paths) {
  topology_ = &topology;
  paths_ = std::move(paths);
  sessions_without_path_ = 0;
}

void ObservationBuilder::renew(const topology::Topology& topology, PathFinder paths,
                               std::int64_t seen_since_s, std::span<localize::Stream::Key> keys) {
  use(topology, std::move(paths));
  const ObservationSet old = std::exchange(set_, ObservationSet());
  const auto old_sessions = std::exchange(sessions_, {});
  set_.set_window_s(old.window_s());
  declare_devices();
  Translation translate(old, set_);
  // In the order in which they were named: whatever is said of the first of its kind stays.
  std::vector<std::pair<plan::FlowKey, Session>> in_order(old_sessions.begin(), old_sessions.end());
  std::ranges::sort(in_order, {}, [](const auto& it) { return it.second.out; });
  for (const auto& [key, session] : in_order) {
    if (session.seen_s < seen_since_s) continue;
    auto& now = session_at(key);
    now.seen_s = session.seen_s;
    translate.put(session.here, now.here);
    translate.put(session.there, now.there);
    translate.put(session.out, now.out);
    translate.put(session.back, now.back);
    const auto translate_way = [&](Direction direction, const Way& before, Way& way) {
      const auto known = paths_({key.source, key.target, key.source_port, direction},
                                wall_time_from_unix_seconds(now.seen_s));
      const auto route_now = route(way, key.source, known);
      if (before.route && route_now && before.revision == way.revision) {
        translate.put(*before.route, *route_now);
      }
    };
    translate_way(Direction::kForward, session.forward_way, now.forward_way);
    translate_way(Direction::kReturn, session.return_way, now.return_way);
  }
  for (auto& key : keys) {
    if (key.forward == localize::kNoRoute) continue;
    key.src = translate(key.src);
    key.dst = translate(key.dst);
    key.forward = translate(key.forward);
    key.back = translate(key.back);
    key.flow = translate(key.flow);
  }
  auto health = old.health();
  for (auto& it : health) it.node = translate(it.node);
  set_.set_health(std::move(health));
}

ObservationBuilder::Session& ObservationBuilder::session_at(const plan::FlowKey& key) {
  const auto [found, is_new] = sessions_.try_emplace(key);
  auto& session = found->second;
  if (!is_new) return session;
  const std::string source = topology_->node_name(key.source);
  const std::string target = topology_->node_name(key.target);
  session.here = set_.device(source);
  session.there = set_.device(target);
  session.out = set_.flow(fmt::format("{}:{}>{}", source, key.source_port, target));
  session.back = set_.flow(fmt::format("{}>{}:{}", target, source, key.source_port));
  return session;
}

std::optional<RouteIndex> ObservationBuilder::resolve(NodeId reporter, const PathRecord& path) {
  const auto resolved = topology_->resolve(reporter, path);
  const bool silent =
      std::ranges::find(resolved.devices, topology::kSilentDevice) != resolved.devices.end();
  if (silent) {
    std::vector<DeviceIndex> hops;
    for (const auto& device : resolved.devices) {
      hops.push_back(device == topology::kSilentDevice ? localize::kSilentHop
                                                       : set_.device(device));
    }
    return set_.route(set_.path(hops));
  }
  std::vector<LinkIndex> links;
  for (std::size_t i = 0; i < resolved.links.size(); ++i) {
    const auto from = set_.device(resolved.devices[i]);
    const auto to = set_.device(resolved.devices[i + 1]);
    const auto link = set_.link(from, to, {.id = resolved.links[i]});
    if (!link) return std::nullopt;  // another cable's id: the inventory contradicts itself
    links.push_back(*link);
  }
  return set_.route(set_.path_of_links(links));
}

std::optional<RouteIndex> ObservationBuilder::route(Way& way, NodeId reporter,
                                                    const topology::PathAt& known) {
  if (known.path == nullptr) return std::nullopt;
  if (!way.is_asked || way.revision != known.revision) {
    way = {known.revision, true, resolve(reporter, *known.path)};
  }
  return way.route;
}

std::vector<SessionRoutes> ObservationBuilder::sessions(std::int64_t seen_since_s) const {
  std::vector<SessionRoutes> sessions;
  for (const auto& [key, session] : sessions_) {
    const auto& forward = session.forward_way.route;
    const auto& back = session.return_way.route;
    if (session.seen_s < seen_since_s || !forward || !back) continue;
    sessions.push_back({key, *forward, *back});
  }
  std::ranges::sort(sessions, {}, &SessionRoutes::key);
  return sessions;
}

void ObservationBuilder::add_flow(NodeId reporter, const FlowWindow& flow, WallTime end) {
  topology::PathKey key{reporter, flow.target, flow.source_port, Direction::kForward};
  const auto out = paths_(key, end);
  key.direction = Direction::kReturn;
  const auto home = paths_(key, end);
  if (out.path == nullptr || home.path == nullptr) ++sessions_without_path_;
  // So that there are at most as many sessions as there are paths.
  if (out.path == nullptr && home.path == nullptr) return;
  auto& session = session_at({reporter, flow.target, flow.source_port});
  const std::int64_t time_s = unix_seconds(end);
  session.seen_s = std::max(session.seen_s, time_s);
  const auto forward = route(session.forward_way, reporter, out);
  const auto back = route(session.return_way, reporter, home);
  // A large packet takes longer on each wire, which is no delay of anybody's.
  const bool has_delay = flow.rtt_max_ns > 0 && flow.size == 0;
  const std::uint64_t known = flow.sent - flow.lost_undetermined;
  const auto add = [&](localize::Observation observation) {
    observation.time_s = time_s;
    observation.size = flow.size != 0 ? flow.size : kSmallPacketBytes;
    observation.dscp = flow.dscp;
    // Cannot fail: indexes are our own.
    if (observation.sent > 0 || observation.delay != 0) (void)set_.add(observation);
  };
  if (forward) {
    add({.src = session.here,
         .dst = session.there,
         .forward = *forward,
         .flow = session.out,
         .sent = known,
         .lost = flow.lost_forward,
         .duplicated = flow.duplicated,
         .reordered = flow.reordered});
  }
  if (back) {
    add({.src = session.there,
         .dst = session.here,
         .forward = *back,
         .flow = session.back,
         .sent = known - flow.lost_forward,
         .lost = flow.lost_return});
  }
  if (forward && back) {
    add({.src = session.here,
         .dst = session.there,
         .forward = *forward,
         .back = *back,
         .flow = session.out,
         .sent = flow.lost_undetermined,
         .lost = flow.lost_undetermined,
         .delay = has_delay ? set_.add_delay(round_trip_delay(flow)) : 0});
  }
}

std::uint64_t ObservationBuilder::add(NodeId reporter, const Report& report,
                                      const std::set<NodeId>& excused) {
  if (excused.contains(reporter)) return report.flows.size();
  const WallTime end = report.window_start + report.window;
  set_.set_window_s(static_cast<std::uint32_t>(
      std::max<std::int64_t>(1, std::chrono::floor<std::chrono::seconds>(report.window).count())));
  std::uint64_t left_out = 0;
  for (const auto& flow : report.flows) {
    if (excused.contains(flow.target)) {
      ++left_out;
    } else {
      add_flow(reporter, flow, end);
    }
  }
  if (auto sick = sickness(report); sick.share > 0) {
    set_.add_health({.node = device_of(reporter),
                     .time_s = unix_seconds(end),
                     .sick = sick.share,
                     .why = std::move(sick.why)});
  }
  return left_out;
}

}  // namespace faultline::core
