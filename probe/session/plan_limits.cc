#include "probe/session/plan_limits.h"

#include <algorithm>
#include <bit>
#include <map>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "probe/session/destinations.h"
#include "probe/stamp/packet.h"
#include "probe/stamp/tlv.h"

namespace faultline::session {
namespace {

Status within(std::string_view name, Duration value, Duration low, Duration high) {
  if (value >= low && value <= high) return {};
  return fail(ErrorCode::kLimit,
              fmt::format("the plan's {} of {} is not within {} to {}", name,
                          format_duration(value), format_duration(low), format_duration(high)));
}

Status at_most(std::string_view name, std::size_t value, std::size_t high) {
  if (value <= high) return {};
  return fail(ErrorCode::kLimit,
              fmt::format("the plan has {} {}, more than {}", value, name, high));
}

Status validate_flow(const Plan& plan, const PlanFlow& flow, const LocalSide& local) {
  if (flow.peer >= plan.peers.size()) {
    return fail(ErrorCode::kInvalid, "a flow of the plan names a peer that the plan does not have");
  }
  const auto& peer = plan.peers[flow.peer];
  if (!local.owns_port(flow.source_port)) {
    return fail(
        ErrorCode::kInvalid,
        fmt::format("a flow of the plan to {} uses source port {}, which is not this probe's",
                    peer.name, flow.source_port));
  }
  if (peer.address.is_v4() != local.address.is_v4() || peer.address.is_unspecified() ||
      peer.reflector_port == 0) {
    return fail(ErrorCode::kInvalid,
                fmt::format("a flow of the plan to {} cannot go from {} to {}", peer.name,
                            local.address.to_string(),
                            to_string(Endpoint{peer.address, peer.reflector_port})));
  }
  if ((flow.size != 0 && (flow.size < kFlowSizeMin || flow.size > kFlowSizeMax)) ||
      flow.dscp > kDscpMax) {
    return fail(ErrorCode::kLimit,
                fmt::format("a flow of the plan to {} wants packets of {} bytes and DSCP {}, "
                            "outside of {} to {} and 0 to {}",
                            peer.name, flow.size, flow.dscp, kFlowSizeMin, kFlowSizeMax, kDscpMax));
  }
  return {};
}

constexpr std::size_t kIpv4UdpBytes = 28;
constexpr std::size_t kIpv6UdpBytes = 48;

std::size_t packet_bytes(const PlanFlow& flow, const PlanPeer& peer) {
  if (flow.size != 0) return flow.size;
  const std::size_t base = peer.authenticates ? stamp::kAuthenticatedSize : stamp::kPacketSize;
  const std::size_t tlvs = peer.authenticates ? stamp::kClassTlvsMax : stamp::kClassTlv;
  return base + (flow.dscp != 0 ? tlvs : 0) +
         (peer.address.is_v4() ? kIpv4UdpBytes : kIpv6UdpBytes);
}

// What the flows would send if each got all its turns, `times(flow)` in an interval. Every
// reflector at one address counts for it: a host does not get more by being listed often.
template <typename Times>
Status validate_rates(const Plan& plan, Times&& times) {
  const double intervals = 1 / std::chrono::duration<double>(plan.flow_interval).count();
  double bytes = 0;
  std::map<IpAddress, double> packets;
  for (std::size_t i = 0; i < plan.flows.size(); ++i) {
    const auto& peer = plan.peers[plan.flows[i].peer];
    if (is_loopback(peer.address)) continue;
    const double rate = intervals * times(i);
    bytes += rate * static_cast<double>(packet_bytes(plan.flows[i], peer));
    auto& to_peer = packets[peer.address];
    to_peer += rate;
    if (to_peer > kPacketsPerSecondPerPairMax) {
      return fail(ErrorCode::kLimit,
                  fmt::format("the plan wants more than {} packets per second to {}",
                              kPacketsPerSecondPerPairMax, peer.name));
    }
  }
  if (bytes <= static_cast<double>(kBytesPerSecondMax)) return {};
  return fail(ErrorCode::kLimit, fmt::format("the plan wants {:.0f} bytes per second, more than {}",
                                             bytes, kBytesPerSecondMax));
}

}  // namespace

std::size_t packets_per_flow(const Plan& plan) {
  const auto span = 2 * plan.window + plan.reply_timeout + plan.flow_interval;
  const auto intervals = static_cast<std::size_t>(span / plan.flow_interval);
  return std::bit_ceil(intervals + 4);
}

Status validate_boost(const Boost& boost, const Plan& plan) {
  if (boost.plan != plan.revision) {
    return fail(ErrorCode::kConflict, fmt::format("the boost is of plan {}, plan {} is in force",
                                                  boost.plan.value(), plan.revision.value()));
  }
  const std::size_t per_flow = packets_per_flow(plan);
  std::size_t packets = plan.flows.size() * per_flow;
  std::vector<std::uint16_t> all_times(plan.flows.size(), 1);
  for (std::size_t i = 0; i < boost.flows.size(); ++i) {
    const auto& [flow, times] = boost.flows[i];
    const bool ascending = i == 0 || boost.flows[i - 1].flow < flow;
    if (flow >= plan.flows.size() || !ascending) {
      return fail(ErrorCode::kInvalid,
                  "the boost names a flow that the plan does not have, or twice");
    }
    if (times < 2 || times > kBoostTimesMax || plan.flow_interval / times < kFlowIntervalMin) {
      return fail(ErrorCode::kLimit, fmt::format("the boost wants {} packets every {}", times,
                                                 format_duration(plan.flow_interval)));
    }
    packets += boosted_packets(per_flow, times) - per_flow;
    all_times[flow] = times;
  }
  FAULTLINE_TRY_STATUS(validate_rates(plan, [&](std::size_t flow) { return all_times[flow]; }));
  return at_most("packets in open windows", packets, kPacketsAtHandMax);
}

Status validate_plan(const Plan& plan, const LocalSide& local) {
  FAULTLINE_TRY_STATUS(within("window", plan.window, kWindowMin, kWindowMax));
  FAULTLINE_TRY_STATUS(
      within("flow interval", plan.flow_interval, kFlowIntervalMin, kFlowIntervalMax));
  FAULTLINE_TRY_STATUS(
      within("reply timeout", plan.reply_timeout, kReplyTimeoutMin, kReplyTimeoutMax));
  FAULTLINE_TRY_STATUS(at_most("peers", plan.peers.size(), kPlanPeersMax));
  FAULTLINE_TRY_STATUS(at_most("flows", plan.flows.size(), kPlanFlowsMax));
  FAULTLINE_TRY_STATUS(
      at_most("packets per second", plan.packets_per_second_max, kPacketsPerSecondMax));
  FAULTLINE_TRY_STATUS(at_most("traces per second", plan.traces_per_second, kTracesPerSecondMax));
  FAULTLINE_TRY_STATUS(at_most("packets per second and group",
                               plan.packets_per_second_per_group_max,
                               kPacketsPerSecondPerGroupMax));
  FAULTLINE_TRY_STATUS(at_most("packets in open windows",
                               plan.flows.size() * packets_per_flow(plan), kPacketsAtHandMax));
  if (plan.packets_per_second_max == 0 && !plan.flows.empty()) {
    return fail(ErrorCode::kInvalid, "the plan has flows, but no packets per second to spend");
  }
  std::vector<std::pair<std::uint16_t, Endpoint>> ids;
  ids.reserve(plan.flows.size());
  for (const auto& flow : plan.flows) {
    FAULTLINE_TRY_STATUS(validate_flow(plan, flow, local));
    const auto& peer = plan.peers[flow.peer];
    ids.emplace_back(flow.source_port, Endpoint{peer.address, peer.reflector_port});
  }
  std::ranges::sort(ids);
  if (std::ranges::adjacent_find(ids) != ids.end()) {
    return fail(ErrorCode::kInvalid, "the plan lists one flow twice");
  }
  return validate_rates(plan, [](std::size_t) { return 1; });
}

}  // namespace faultline::session
