#include "controller/plan/harm.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <tuple>

#include <fmt/format.h>

#include "controller/plan/hierarchy.h"

namespace faultline::plan {
namespace {

using std::chrono::milliseconds;

// Of a rack's budget, so much for flows; the rest is for traces, and for turns that meet.
constexpr double kRackShareOfFlows = 0.8;
// The smallest packet in the worst case: authenticated STAMP, UDP and IPv6.
constexpr double kSmallPacketBytes = 112 + 48;

std::string label_of(const FleetMember& member, const char* name) {
  const auto at = member.profile.labels.find(name);
  return at == member.profile.labels.end() ? std::string() : at->second;
}

std::uint64_t prefix_of(const IpAddress& address) {
  const std::size_t octets = address.is_v4() ? 2 : 8;
  std::uint64_t prefix = 0;
  for (std::size_t i = 0; i < octets; ++i) prefix = prefix << 8 | address.bytes()[i];
  return prefix;
}

double seconds_needed(const Plan& plan, const PlannerConfig& config) {
  std::map<IpAddress, double> to_host;
  std::map<DestinationGroup, double> to_rack;
  double bytes = 0;
  for (const auto& flow : plan.flows) {
    const auto& peer = plan.peers[flow.peer];
    ++to_host[peer.address];
    ++to_rack[destination_group(peer)];
    bytes += flow.size == 0 ? kSmallPacketBytes : flow.size;
  }
  const auto most = [](const auto& counts) {
    double result = 0;
    for (const auto& [whom, count] : counts) result = std::max(result, count);
    return result;
  };
  return std::max({most(to_host) / kPacketsPerSecondPerPairMax,
                   most(to_rack) / (kRackShareOfFlows * config.packets_per_second_per_rack_max),
                   bytes / static_cast<double>(kBytesPerSecondMax)});
}

}  // namespace

std::uint16_t rack_number(const FleetMember& member) {
  const auto rack = label_of(member, "rack");
  if (rack.empty()) return 0;
  const auto hash = hash_name(fmt::format("{}/{}", label_of(member, "zone"), rack));
  return static_cast<std::uint16_t>(1 + hash % 0xffff);
}

std::size_t largest_segment(const FleetView& fleet) {
  std::map<std::tuple<std::string, std::string, bool, std::uint64_t>, std::size_t> segments;
  std::size_t largest = 0;
  for (const auto& member : fleet) {
    const auto& address = member.profile.address;
    auto& count = segments[{label_of(member, "zone"), label_of(member, "rack"), address.is_v4(),
                            prefix_of(address)}];
    largest = std::max(largest, ++count);
  }
  return largest;
}

Duration spare_destinations(Duration interval, const std::vector<Plan>& plans,
                            const PlannerConfig& config) {
  double seconds = 0;
  for (const auto& plan : plans) seconds = std::max(seconds, seconds_needed(plan, config));
  return std::max<Duration>(
      interval, milliseconds{static_cast<std::int64_t>(std::ceil(1000 * seconds - 1e-6))});
}

std::string space_traces(std::vector<Plan>& plans, const PlannerConfig& config,
                         const TracerCounts* tracers) {
  auto unknown = static_cast<std::uint32_t>(plans.size());
  if (tracers != nullptr) {
    for (const auto& [node, count] : *tracers) unknown = std::max(unknown, count);
  }
  std::size_t spaced = 0;
  std::uint32_t worst = 0;
  double beyond = 0;
  for (auto& plan : plans) {
    const auto known =
        tracers == nullptr ? TracerCounts::const_iterator{} : tracers->find(plan.node);
    const bool is_known = tracers != nullptr && known != tracers->end();
    const double at_router = is_known ? known->second : unknown;
    const double limit = config.router_packets_per_second_max;
    if (plan.peers.empty() || at_router * plan.traces_per_second <= limit) continue;
    // Two probes of each TTL in an interval: of its own trace and of one for a peer.
    const Duration wanted =
        milliseconds{static_cast<std::int64_t>(std::ceil(2000 * at_router / limit))};
    plan.trace_interval = std::clamp<Duration>(wanted, kTraceIntervalMin, kTraceIntervalMax);
    plan.traces_per_second = 1;  // what an older probe does
    if (wanted > kTraceIntervalMax) {
      beyond = std::max(beyond, at_router * trace_probes_per_second(plan));
    }
    ++spaced;
    worst = std::max(worst, static_cast<std::uint32_t>(at_router));
  }
  if (spaced == 0) return {};
  const auto rarest = std::ranges::max(plans, {}, &Plan::trace_interval).trace_interval;
  auto sentence = fmt::format(
      "{} nodes trace less often than {} per second, down to one flow every {}: traces of up to "
      "{} nodes may meet at one router, ",
      spaced, config.traces_per_second, format_duration(rarest), worst);
  if (beyond > 0) {
    return fmt::format(
        "{}which may be made to send {:.1f} ICMP packets per second. That is MORE than the {} "
        "allowed: no node traces less often than once in {}",
        sentence, beyond, config.router_packets_per_second_max, format_duration(kTraceIntervalMax));
  }
  return fmt::format("{}which is made to send at most {} ICMP packets per second", sentence,
                     config.router_packets_per_second_max);
}

}  // namespace faultline::plan
