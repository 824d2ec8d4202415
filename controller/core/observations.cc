#include "controller/core/observations.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace faultline::core {

namespace {

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

}  // namespace

double sickness(const Report& report) {
  std::uint64_t sent = 0;
  for (const auto& flow : report.flows) sent += flow.sent;
  if (sent == 0) return 0;
  // What the prober itself failed to receive or send looks like loss of the network. A tenth of
  // that share is enough to distrust a window in which losses of one in a thousand are looked for.
  const double own_losses = static_cast<double>(report.health.receive_drops) +
                            static_cast<double>(report.health.send_failures);
  return std::min(1.0, 10 * own_losses / static_cast<double>(sent));
}

ObservationBuilder::ObservationBuilder(const topology::Topology& topology,
                                       const topology::PathBook& paths)
    : topology_(topology), paths_(paths) {
  for (const auto& device : topology_.devices()) {
    set_.device(device.id,
                localize::parse_device_kind(topology::to_string(device.kind))
                    .value_or(localize::DeviceKind::kUnknown),
                device.tier);
  }
  for (const auto& device : topology_.devices()) {
    put_in(device.id, device.placement.hypervisor, localize::DeviceKind::kUnknown);
    put_in(device.id, device.placement.zone, localize::DeviceKind::kZone);
  }
}

void ObservationBuilder::put_in(const std::string& member, const std::string& container,
                                localize::DeviceKind kind) {
  if (container.empty() || container == member) return;
  set_.put_in(set_.device(member), set_.device(container, kind));
}

std::optional<localize::RouteIndex> ObservationBuilder::route(NodeId reporter,
                                                              const FlowWindow& flow,
                                                              Direction direction) {
  const topology::PathKey key{reporter, flow.target, flow.source_port, direction};
  if (const auto seen = routes_.find(key); seen != routes_.end()) return seen->second;
  auto& route = routes_[key];
  const auto* known = paths_.find(key);
  if (known == nullptr) return route;
  const auto resolved = topology_.resolve(reporter, known->path);
  const bool silent =
      std::ranges::find(resolved.devices, topology::kSilentDevice) != resolved.devices.end();
  if (silent) {
    std::vector<localize::DeviceIndex> hops;
    for (const auto& device : resolved.devices) {
      hops.push_back(device == topology::kSilentDevice ? localize::kSilentHop
                                                       : set_.device(device));
    }
    route = set_.route(set_.path(hops));
    return route;
  }
  std::vector<localize::LinkIndex> links;
  for (std::size_t i = 0; i < resolved.links.size(); ++i) {
    const auto from = set_.device(resolved.devices[i]);
    const auto to = set_.device(resolved.devices[i + 1]);
    const auto link = set_.link(from, to, {.id = resolved.links[i]});
    if (!link) return route;  // the id means another cable: the inventory contradicts itself
    links.push_back(*link);
  }
  route = set_.route(set_.path_of_links(links));
  return route;
}

std::vector<SessionRoutes> ObservationBuilder::sessions() const {
  std::vector<SessionRoutes> sessions;
  for (const auto& [key, forward] : routes_) {
    if (key.direction != Direction::kForward || !forward) continue;
    auto other = key;
    other.direction = Direction::kReturn;
    const auto back = routes_.find(other);
    if (back == routes_.end() || !back->second) continue;
    sessions.push_back({{key.reporter, key.target, key.source_port}, *forward, *back->second});
  }
  return sessions;
}

void ObservationBuilder::add_flow(NodeId reporter, const FlowWindow& flow, std::int64_t time_s) {
  const auto forward = route(reporter, flow, Direction::kForward);
  const auto back = route(reporter, flow, Direction::kReturn);
  if (!forward || !back) ++sessions_without_path_;
  const std::string source = topology_.node_name(reporter);
  const std::string target = topology_.node_name(flow.target);
  const auto here = set_.device(source);
  const auto there = set_.device(target);
  const std::uint64_t known = flow.sent - flow.lost_undetermined;
  const auto add = [&](localize::Observation observation) {
    observation.time_s = time_s;
    // Cannot fail: indexes are our own.
    if (observation.sent > 0 || observation.delay != 0) (void)set_.add(observation);
  };
  const auto out_flow = set_.flow(fmt::format("{}:{}>{}", source, flow.source_port, target));
  if (forward) {
    add({.src = here,
         .dst = there,
         .forward = *forward,
         .flow = out_flow,
         .sent = known,
         .lost = flow.lost_forward,
         .duplicated = flow.duplicated,
         .reordered = flow.reordered});
  }
  if (back) {
    add({.src = there,
         .dst = here,
         .forward = *back,
         .flow = set_.flow(fmt::format("{}>{}:{}", target, source, flow.source_port)),
         .sent = known - flow.lost_forward,
         .lost = flow.lost_return});
  }
  if (forward && back) {
    add({.src = here,
         .dst = there,
         .forward = *forward,
         .back = *back,
         .flow = out_flow,
         .sent = flow.lost_undetermined,
         .lost = flow.lost_undetermined,
         .delay = flow.rtt_max_ns > 0 ? set_.add_delay(round_trip_delay(flow)) : 0});
  }
}

std::uint64_t ObservationBuilder::add(NodeId reporter, const Report& report,
                                      const std::set<NodeId>& excused) {
  if (excused.contains(reporter)) return report.flows.size();
  const std::int64_t time_s = unix_seconds(report.window_start + report.window);
  set_.set_window_s(static_cast<std::uint32_t>(
      std::max<std::int64_t>(1, std::chrono::floor<std::chrono::seconds>(report.window).count())));
  std::uint64_t left_out = 0;
  for (const auto& flow : report.flows) {
    if (excused.contains(flow.target)) {
      ++left_out;
    } else {
      add_flow(reporter, flow, time_s);
    }
  }
  if (const double sick = sickness(report); sick > 0) {
    set_.add_health({.node = set_.device(topology_.node_name(reporter)),
                     .time_s = time_s,
                     .sick = sick,
                     .why = fmt::format("{} packets dropped on receipt, {} not sent",
                                        report.health.receive_drops, report.health.send_failures)});
  }
  return left_out;
}

}  // namespace faultline::core
