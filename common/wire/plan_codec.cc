#include "common/wire/plan_codec.h"

#include <algorithm>

#include "common/model/control.h"
#include "common/wire/fields.h"
#include "common/wire/message.h"
#include "common/wire/plan_fields.h"

namespace faultline::wire {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kRevisionMax = ~std::uint64_t{0};
constexpr std::uint32_t kNodeMax = ~std::uint32_t{0};

Status check_duration(std::string_view field, Duration value, Duration low, Duration high) {
  return read_duration(field, to_wire(value), low, high).map([](Duration) {});
}

Result<PlanPeer> read_peer(schema::Peer::Reader reader) {
  PlanPeer peer;
  peer.node = NodeId{reader.getNode()};
  FAULTLINE_TRY(peer.name, read_name("peer name", reader.getName()));
  FAULTLINE_TRY(peer.address, read_address("peer address", reader.getAddress()));
  peer.reflector_port = reader.getReflectorPort();
  peer.mesh_port = reader.getMeshPort();
  FAULTLINE_TRY(peer.key, read_key("peer key", reader.getKey()));
  if (reader.getSecondKey().size() > 0) {
    FAULTLINE_TRY(peer.second_key, read_key("peer's second key", reader.getSecondKey()));
  }
  peer.authenticates = reader.getAuthenticates();
  peer.group = reader.getGroup();
  return peer;
}

void write_peer(schema::Peer::Builder builder, const PlanPeer& peer) {
  builder.setNode(peer.node.value());
  builder.setName(peer.name);
  builder.setAddress(to_wire(peer.address));
  builder.setReflectorPort(peer.reflector_port);
  builder.setMeshPort(peer.mesh_port);
  builder.setKey(to_wire(peer.key));
  if (peer.second_key) builder.setSecondKey(to_wire(*peer.second_key));
  builder.setAuthenticates(peer.authenticates);
  builder.setGroup(peer.group);
}

// Empty columns where all flows are small and of class 0, as all were in 1.0.
void write_flow_kinds(schema::FlowColumns::Builder flows, const std::vector<PlanFlow>& planned) {
  const auto count = static_cast<unsigned>(planned.size());
  if (std::ranges::any_of(planned, [](const PlanFlow& flow) { return flow.size != 0; })) {
    auto sizes = flows.initSize(count);
    for (unsigned i = 0; i < count; ++i) sizes.set(i, planned[i].size);
  }
  if (std::ranges::any_of(planned, [](const PlanFlow& flow) { return flow.dscp != 0; })) {
    auto classes = flows.initDscp(count);
    for (unsigned i = 0; i < count; ++i) classes.set(i, planned[i].dscp);
  }
}

Result<std::vector<PlanFlow>> read_flows(schema::FlowColumns::Reader reader) {
  const auto peers = reader.getPeer();
  const auto ports = reader.getSourcePort();
  const auto sizes = reader.getSize();
  const auto classes = reader.getDscp();
  FAULTLINE_TRY_STATUS(check_count("flows", peers.size(), kPlanFlowsMax));
  const auto fits = [&](const auto& column) {
    return column.size() == 0 || column.size() == peers.size();
  };
  if (peers.size() != ports.size() || !fits(sizes) || !fits(classes)) {
    return fail(ErrorCode::kInvalid, "the columns of the flows differ in length");
  }
  std::vector<PlanFlow> flows;
  flows.reserve(peers.size());
  for (unsigned i = 0; i < peers.size(); ++i) {
    flows.push_back({.peer = peers[i],
                     .source_port = ports[i],
                     .size = sizes.size() == 0 ? std::uint16_t{0} : sizes[i],
                     .dscp = classes.size() == 0 ? std::uint8_t{0} : classes[i]});
  }
  return flows;
}

Status validate_peers(const std::vector<PlanPeer>& peers) {
  FAULTLINE_TRY_STATUS(check_count("peers", peers.size(), kPlanPeersMax));
  std::vector<NodeId> nodes;
  nodes.reserve(peers.size());
  for (const auto& peer : peers) {
    FAULTLINE_TRY_STATUS(check_nonzero("peer node", peer.node.value()));
    FAULTLINE_TRY_STATUS(validate_name(peer.name));
    FAULTLINE_TRY_STATUS(check_unicast("peer address", peer.address));
    FAULTLINE_TRY_STATUS(check_nonzero("reflector port", peer.reflector_port));
    if (peer.key == PublicKey{}) return out_of_range("peer key", "all zero");
    if (peer.second_key == PublicKey{}) return out_of_range("peer's second key", "all zero");
    nodes.push_back(peer.node);
  }
  std::ranges::sort(nodes);
  if (std::ranges::adjacent_find(nodes) == nodes.end()) return {};
  return fail(ErrorCode::kInvalid, "a peer is listed twice");
}

}  // namespace

Status validate_plan(const Plan& plan) {
  FAULTLINE_TRY_STATUS(check_range<std::uint64_t>("revision", plan.revision.value(), 1,  //
                                                  kRevisionMax));
  FAULTLINE_TRY_STATUS(check_range<std::uint32_t>("node", plan.node.value(), 1, kNodeMax));
  FAULTLINE_TRY_STATUS(check_duration("window", plan.window, seconds{1}, seconds{60}));
  FAULTLINE_TRY_STATUS(
      check_duration("flow interval", plan.flow_interval, milliseconds{1}, hours{1}));
  FAULTLINE_TRY_STATUS(
      check_duration("reply timeout", plan.reply_timeout, milliseconds{1}, seconds{60}));
  FAULTLINE_TRY_STATUS(check_duration("lease", plan.lease, seconds{1}, hours{30 * 24}));
  FAULTLINE_TRY_STATUS(check_range<std::uint32_t>("packets per second", plan.packets_per_second_max,
                                                  1, kPacketsPerSecondMax));
  FAULTLINE_TRY_STATUS(check_range<std::uint32_t>("traces per second", plan.traces_per_second, 0,
                                                  kTracesPerSecondMax));
  FAULTLINE_TRY_STATUS(check_range<std::uint32_t>("packets per second and group",
                                                  plan.packets_per_second_per_group_max, 0,
                                                  kPacketsPerSecondPerGroupMax));
  if (plan.trace_interval != Duration::zero()) {
    FAULTLINE_TRY_STATUS(check_duration("trace interval", plan.trace_interval, kTraceIntervalMin,
                                        kTraceIntervalMax));
  }
  FAULTLINE_TRY_STATUS(validate_peers(plan.peers));
  FAULTLINE_TRY_STATUS(check_count("flows", plan.flows.size(), kPlanFlowsMax));
  for (const auto& flow : plan.flows) {
    if (flow.peer >= plan.peers.size()) return out_of_range("flow peer", "not in the plan");
    FAULTLINE_TRY_STATUS(check_nonzero("source port", flow.source_port));
    if (flow.size != 0) {
      FAULTLINE_TRY_STATUS(check_range("flow size", flow.size, kFlowSizeMin, kFlowSizeMax));
    }
    FAULTLINE_TRY_STATUS(check_range<std::uint8_t>("flow dscp", flow.dscp, 0, kDscpMax));
  }
  return {};
}

void write_plan(schema::Plan::Builder builder, const Plan& plan) {
  builder.setRevision(plan.revision.value());
  builder.setNode(plan.node.value());
  builder.setWindowNs(to_wire(plan.window));
  builder.setFlowIntervalNs(to_wire(plan.flow_interval));
  builder.setReplyTimeoutNs(to_wire(plan.reply_timeout));
  builder.setLeaseNs(to_wire(plan.lease));
  builder.setPacketsPerSecondMax(plan.packets_per_second_max);
  builder.setTracesPerSecond(plan.traces_per_second);
  builder.setPacketsPerSecondPerGroupMax(plan.packets_per_second_per_group_max);
  builder.setTraceIntervalNs(to_wire(plan.trace_interval));
  auto peers = builder.initPeers(static_cast<unsigned>(plan.peers.size()));
  for (unsigned i = 0; i < peers.size(); ++i) write_peer(peers[i], plan.peers[i]);
  auto flows = builder.initFlows();
  auto flow_peers = flows.initPeer(static_cast<unsigned>(plan.flows.size()));
  auto flow_ports = flows.initSourcePort(static_cast<unsigned>(plan.flows.size()));
  for (unsigned i = 0; i < flow_peers.size(); ++i) {
    flow_peers.set(i, plan.flows[i].peer);
    flow_ports.set(i, plan.flows[i].source_port);
  }
  write_flow_kinds(flows, plan.flows);
}

Result<Plan> read_plan(schema::Plan::Reader reader) {
  constexpr Duration kAny = Duration::max();  // validate_plan knows the ranges
  Plan plan;
  plan.revision = PlanRevision{reader.getRevision()};
  plan.node = NodeId{reader.getNode()};
  FAULTLINE_TRY(plan.window, read_duration("window", reader.getWindowNs(), Duration{0}, kAny));
  FAULTLINE_TRY(plan.flow_interval,
                read_duration("flow interval", reader.getFlowIntervalNs(), Duration{0}, kAny));
  FAULTLINE_TRY(plan.reply_timeout,
                read_duration("reply timeout", reader.getReplyTimeoutNs(), Duration{0}, kAny));
  FAULTLINE_TRY(plan.lease, read_duration("lease", reader.getLeaseNs(), Duration{0}, kAny));
  plan.packets_per_second_max = reader.getPacketsPerSecondMax();
  plan.traces_per_second = reader.getTracesPerSecond();
  plan.packets_per_second_per_group_max = reader.getPacketsPerSecondPerGroupMax();
  FAULTLINE_TRY(plan.trace_interval,
                read_duration("trace interval", reader.getTraceIntervalNs(), Duration{0}, kAny));
  const auto peers = reader.getPeers();
  FAULTLINE_TRY_STATUS(check_count("peers", peers.size(), kPlanPeersMax));
  for (const auto item : peers) {
    FAULTLINE_TRY(auto peer, read_peer(item));
    plan.peers.push_back(std::move(peer));
  }
  FAULTLINE_TRY(plan.flows, read_flows(reader.getFlows()));
  FAULTLINE_TRY_STATUS(validate_plan(plan));
  return plan;
}

std::vector<std::byte> encode(const Plan& plan) {
  capnp::MallocMessageBuilder builder;
  write_plan(builder.initRoot<schema::Plan>(), plan);
  return to_bytes(builder);
}

Result<Plan> decode_plan(std::span<const std::byte> bytes) {
  return read_message<schema::Plan, Plan>(bytes, kControlMessageMax, "plan", read_plan);
}

}  // namespace faultline::wire
