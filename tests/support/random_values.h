// Random but valid values of the domain, for property tests and as seeds of fuzzers. The same seed
// gives the same values everywhere.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "common/model/control.h"
#include "common/model/mesh.h"
#include "common/model/report.h"

namespace faultline::tests {

inline std::uint32_t random_below(Rng& rng, std::uint64_t bound) {
  return static_cast<std::uint32_t>(uniform_below(rng, bound));
}
inline std::uint16_t random_port(Rng& rng) {
  return static_cast<std::uint16_t>(1 + random_below(rng, 65535));
}
inline bool random_bool(Rng& rng) { return random_below(rng, 2) == 1; }

inline std::string random_name(Rng& rng) {
  static constexpr std::string_view kLetters = "abcXYZ059.-_";
  std::string name = "n";
  const auto length = random_below(rng, kNameLengthMax);
  while (name.size() < length) name += kLetters[random_below(rng, kLetters.size())];
  return name;
}

inline IpAddress random_address(Rng& rng) {
  if (random_bool(rng)) return IpAddress::v4(0x0a000001U + random_below(rng, 1 << 20));
  std::array<std::uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8};
  for (std::size_t i = 8; i < 16; ++i) bytes[i] = static_cast<std::uint8_t>(rng());
  return IpAddress::v6(bytes);
}

inline PublicKey random_key(Rng& rng) {
  PublicKey key;
  for (auto& byte : key.bytes) byte = static_cast<std::uint8_t>(rng());
  key.bytes[0] |= 1;
  return key;
}

inline WallTime random_time(Rng& rng) {
  return wall_time_from_unix_nanoseconds(static_cast<std::int64_t>(rng() >> 2));
}

inline NodeProfile random_profile(Rng& rng) {
  NodeProfile profile;
  profile.kind = random_bool(rng) ? NodeKind::kVm : NodeKind::kHost;
  for (auto n = random_below(rng, 5); n > 0; --n) {
    profile.labels[random_name(rng)] = random_bool(rng) ? "a value, with = signs" : "";
  }
  profile.address = random_address(rng);
  profile.reflector_port = random_port(rng);
  profile.source_port_first = random_port(rng);
  profile.source_port_count =
      static_cast<std::uint16_t>(random_below(rng, 65537U - profile.source_port_first));
  profile.mesh_port = static_cast<std::uint16_t>(rng());
  return profile;
}

inline Plan random_plan(Rng& rng) {
  Plan plan;
  plan.revision = PlanRevision{1 + (rng() >> 1)};
  plan.node = NodeId{1 + random_below(rng, 1000)};
  plan.window = std::chrono::seconds{1 + random_below(rng, 60)};
  plan.flow_interval = std::chrono::milliseconds{1 + random_below(rng, 10'000)};
  plan.reply_timeout = std::chrono::milliseconds{1 + random_below(rng, 60'000)};
  plan.lease = std::chrono::seconds{1 + random_below(rng, 100'000)};
  plan.packets_per_second_max = 1 + random_below(rng, kPacketsPerSecondMax);
  plan.traces_per_second = random_below(rng, kTracesPerSecondMax + 1);
  if (random_below(rng, 2) == 0) {
    plan.packets_per_second_per_group_max = 1 + random_below(rng, kPacketsPerSecondPerGroupMax);
    plan.trace_interval = std::chrono::milliseconds{1 + random_below(rng, 100'000)};
  }
  std::uint32_t node = 0;
  for (auto n = random_below(rng, 20); n > 0; --n) {
    node += 1 + random_below(rng, 3);
    plan.peers.push_back({.node = NodeId{node},
                          .name = random_name(rng),
                          .address = random_address(rng),
                          .reflector_port = random_port(rng),
                          .mesh_port = static_cast<std::uint16_t>(rng()),
                          .key = random_key(rng)});
    if (random_below(rng, 8) == 0) plan.peers.back().second_key = random_key(rng);
    plan.peers.back().authenticates = random_below(rng, 2) == 0;
    if (random_below(rng, 2) == 0) plan.peers.back().group = static_cast<std::uint16_t>(rng());
  }
  if (plan.peers.empty()) return plan;
  for (auto n = random_below(rng, 60); n > 0; --n) {
    plan.flows.push_back({random_below(rng, plan.peers.size()), random_port(rng)});
    if (random_below(rng, 8) == 0) {
      plan.flows.back().size = static_cast<std::uint16_t>(
          kFlowSizeMin + random_below(rng, kFlowSizeMax - kFlowSizeMin + 1U));
    }
    if (random_below(rng, 8) == 0) {
      plan.flows.back().dscp = static_cast<std::uint8_t>(random_below(rng, kDscpMax + 1U));
    }
  }
  return plan;
}

inline FlowWindow random_flow_window(Rng& rng, NodeId target, std::uint16_t port) {
  FlowWindow flow{.target = target, .source_port = port};
  if (random_bool(rng)) flow.size = static_cast<std::uint16_t>(random_below(rng, kFlowSizeMax));
  if (random_bool(rng)) flow.dscp = static_cast<std::uint8_t>(random_below(rng, kDscpMax + 1U));
  flow.lost_forward = random_bool(rng) ? random_below(rng, 1000) : 0;
  flow.lost_return = random_bool(rng) ? random_below(rng, 1000) : 0;
  flow.lost_undetermined = random_bool(rng) ? random_below(rng, 1000) : 0;
  const auto answered = random_bool(rng) ? random_below(rng, 1'000'000) : 0;
  flow.sent = answered + flow.lost_forward + flow.lost_return + flow.lost_undetermined;
  flow.duplicated = static_cast<std::uint32_t>(rng());
  flow.reordered = static_cast<std::uint32_t>(rng());
  flow.late = random_below(rng, answered + std::uint64_t{1});
  if (answered == 0) return flow;
  flow.rtt_min_ns = rng() >> 3;
  flow.rtt_mean_ns = flow.rtt_min_ns + (rng() >> 3);
  flow.rtt_max_ns = flow.rtt_mean_ns + (rng() >> 3);
  if (flow.dscp == 0) return flow;
  const auto dscp = [&rng] { return static_cast<std::uint8_t>(random_below(rng, kDscpMax + 1U)); };
  if (random_bool(rng)) flow.dscp_there = dscp();
  if (random_bool(rng)) flow.dscp_back = dscp();
  flow.dscp_rewritten = random_below(rng, answered + std::uint64_t{1});
  return flow;
}

inline PathEnd random_path_end(Rng& rng) {
  return static_cast<PathEnd>(random_below(rng, static_cast<int>(PathEnd::kRefused) + 1U));
}

inline std::vector<Hop> random_hops(Rng& rng) {
  std::vector<Hop> hops(random_below(rng, kPathHopsMax + 1));
  for (auto& hop : hops) {
    if (random_below(rng, 4) != 0) hop.address = random_address(rng);
  }
  return hops;
}

inline PathRecord random_path(Rng& rng) {
  return {.target = NodeId{1 + random_below(rng, 1000)},
          .source_port = random_port(rng),
          .direction = random_bool(rng) ? Direction::kReturn : Direction::kForward,
          .traced_at = random_time(rng),
          .complete = random_bool(rng),
          .hops = random_hops(rng),
          .ended = random_path_end(rng)};
}

inline Report random_report(Rng& rng) {
  Report report;
  report.plan = PlanRevision{rng()};
  report.window = std::chrono::seconds{1 + random_below(rng, 60)};
  report.window_start = window_start(random_time(rng), report.window);
  report.health = {.lateness_max_ns = rng(),
                   .receive_drops = static_cast<std::uint32_t>(rng()),
                   .send_failures = static_cast<std::uint32_t>(rng()),
                   .budget_deferred = static_cast<std::uint32_t>(rng()),
                   .replies_unmatched = static_cast<std::uint32_t>(rng()),
                   .reflector_refused = static_cast<std::uint32_t>(rng()),
                   .softnet_drops = static_cast<std::uint32_t>(rng()),
                   .throttled_ns = rng(),
                   .stolen_ns = rng(),
                   .processor_ns = rng() >> 2,  // what the store has room for
                   .clock = static_cast<ClockSync>(random_below(rng, 3)),
                   .clock_step_ns = static_cast<std::int64_t>(rng()),
                   .clock_offset_ns = static_cast<std::int64_t>(rng())};
  std::set<std::pair<NodeId, std::uint16_t>> flows;
  for (auto n = random_below(rng, 50); n > 0; --n) {
    flows.emplace(NodeId{1 + random_below(rng, 9)}, random_port(rng));
  }
  std::set<NodeId> targets;
  for (const auto& [target, port] : flows) {
    report.flows.push_back(random_flow_window(rng, target, port));
    targets.insert(target);
  }
  for (const auto target : targets) {
    TargetDelay delay{.target = target, .rtt = {}};
    for (auto n = random_below(rng, 40); n > 0; --n) {
      delay.rtt.add(rng() >> random_below(rng, 64), 1 + random_below(rng, 1000));
    }
    report.delays.push_back(std::move(delay));
  }
  for (auto n = random_below(rng, 20); n > 0; --n) report.paths.push_back(random_path(rng));
  return report;
}

inline Batch random_batch(Rng& rng) {
  Batch batch{.boot = BootId{rng() | 1}, .first_sequence = rng() >> 1};
  if (random_bool(rng)) {
    batch.sequence = batch.first_sequence + random_below(rng, 1000);
    batch.results_dropped = rng();
    return batch;
  }
  batch.sequence = batch.first_sequence;
  batch.payload.resize(1 + random_below(rng, 2000));
  for (auto& byte : batch.payload) byte = static_cast<std::byte>(rng());
  return batch;
}

inline BatchAck random_batch_ack(Rng& rng) {
  BatchAck ack{.boot = BootId{rng() | 1}, .durable = {}, .credit = random_below(rng, 100)};
  std::uint64_t next = random_below(rng, 5);
  for (auto n = random_below(rng, kSequenceIntervalsMax + 1); n > 0; --n) {
    const std::uint64_t last = next + random_below(rng, 1000);
    ack.durable.push_back({next, last});
    next = last + 1 + random_below(rng, 10);
  }
  return ack;
}

inline std::vector<std::byte> random_sealed(Rng& rng) {
  std::vector<std::byte> sealed(kSealBytes + random_below(rng, 300));
  for (auto& byte : sealed) byte = static_cast<std::byte>(rng());
  return sealed;
}

inline ProbeMessage random_probe_message(Rng& rng) {
  switch (random_below(rng, 11)) {
    case 9:
      return Relayed{.origin = random_key(rng), .sealed = random_sealed(rng)};
    case 0:
      return Join{.node_key = random_key(rng),
                  .name = random_bool(rng) ? random_name(rng) : std::string(),
                  .profile = random_profile(rng)};
    case 1:
      return Hello{.protocol_minor = static_cast<std::uint16_t>(rng()),
                   .capabilities = rng(),
                   .software = "faultline-probe 0.1.0",
                   .boot = BootId{rng() | 1},
                   .profile = random_profile(rng),
                   .plan = PlanRevision{rng()},
                   .plan_hash = rng(),
                   .sent_at = random_time(rng)};
    case 2:
      return Heartbeat{.sequence = rng(),
                       .sent_at = random_time(rng),
                       .plan = PlanRevision{rng()},
                       .spool_batches = rng(),
                       .spool_bytes = rng(),
                       .spool_dropped = rng()};
    case 3:
      return PlanAck{.revision = PlanRevision{rng()},
                     .hash = rng(),
                     .accepted = random_bool(rng),
                     .reason = "a reason, in one sentence"};
    case 4:
      return Goodbye{
          .boot = BootId{rng() | 1}, .stopped_at = random_time(rng), .spool_batches = rng()};
    case 5:
      return Rekey{.key = random_key(rng)};
    case 6:
      return ControllersAck{.revision = 1 + (rng() >> 1)};
    case 7:
      return FactsUpdate{
          .collected_at = random_time(rng),
          .base = rng(),
          .digest = 1 + (rng() >> 1),
          .payload = std::vector<std::byte>(1 + random_below(rng, 200), std::byte{7})};
    case 8: {
      const auto state = static_cast<TestState>(random_below(rng, 3));
      return TestProgress{.test = 1 + (rng() >> 1),
                          .state = state,
                          .text = "3 of 5 answered",
                          .report = state == TestState::kDone ? R"({"outcome":"ok"})" : ""};
    }
    default:
      return random_batch(rng);
  }
}

inline Controllers random_controllers(Rng& rng) {
  Controllers controllers{.revision = 1 + (rng() >> 1), .keys = {random_key(rng)}};
  for (auto n = random_below(rng, kControllerKeysMax); n > 0; --n) {
    controllers.keys.push_back(random_key(rng));
  }
  return controllers;
}

inline Boost random_boost(Rng& rng) {
  Boost boost{.plan = PlanRevision{1 + (rng() >> 1)},
              .life = std::chrono::milliseconds{1 + random_below(rng, 600'000)}};
  std::uint32_t flow = random_below(rng, 5);
  for (auto n = random_below(rng, 20); n > 0; --n, flow += 1 + random_below(rng, 9)) {
    boost.flows.push_back({flow, static_cast<std::uint16_t>(2 + random_below(rng, 15))});
  }
  return boost;
}

inline ControllerMessage random_controller_message(Rng& rng) {
  const NodeId node{1 + random_below(rng, 1000)};
  switch (random_below(rng, 13)) {
    case 11:
      return RelayedAck{.origin = random_key(rng), .sealed = random_sealed(rng)};
    case 0:
      return Joined{.node = node, .name = random_name(rng)};
    case 1:
      return Refusal{.reason = static_cast<RefusalReason>(random_below(rng, 6)),
                     .text = "the token was used before"};
    case 2:
      return Welcome{.protocol_minor = static_cast<std::uint16_t>(rng()),
                     .capabilities = rng(),
                     .software = "faultline-controller 0.1.0",
                     .node = node,
                     .name = random_name(rng),
                     .heartbeat_interval = std::chrono::milliseconds{10 + random_below(rng, 9999)},
                     .plan_current = random_bool(rng)};
    case 3:
      return HeartbeatReply{
          .sequence = rng(), .sent_at = random_time(rng), .answered_at = random_time(rng)};
    case 4:
      return random_plan(rng);
    case 5:
      return RekeyRequest{};
    case 6:
      return Rekeyed{.key = random_key(rng)};
    case 7:
      return random_controllers(rng);
    case 8:
      return random_boost(rng);
    case 9:
      return FactsAck{.digest = rng(), .again = rng() % 2 == 0};
    case 10:
      return TestRequest{.test = 1 + (rng() >> 1),
                         .lease = std::chrono::milliseconds{1000 + random_below(rng, 299'000)},
                         .order = R"({"kind":"ping"})"};
    default:
      return random_batch_ack(rng);
  }
}

inline SessionName random_session(Rng& rng) {
  return {.source_port = random_port(rng),
          .ssid = static_cast<std::uint16_t>(1 + random_below(rng, kSessionSsidMax)),
          .authenticated = random_bool(rng)};
}

inline ReceiptsRequest random_receipts_request(Rng& rng) {
  ReceiptsRequest request{.request = rng()};
  request.sessions.resize(1 + random_below(rng, kReceiptSessionsMax));
  for (auto& session : request.sessions) session = random_session(rng);
  return request;
}

inline Receipts random_receipts(Rng& rng) {
  Receipts receipts{.request = rng()};
  receipts.records.resize(random_below(rng, kReceiptSessionsMax + 1));
  for (auto& record : receipts.records) {
    record = {.session = random_session(rng),
              .first = static_cast<std::uint32_t>(rng()),
              .newest = static_cast<std::uint32_t>(rng()),
              .received = {rng() | 1, rng()}};
  }
  return receipts;
}

inline MeshMessage random_mesh_message(Rng& rng) {
  switch (random_below(rng, 10)) {
    case 7:
      return random_receipts_request(rng);
    case 8:
      return random_receipts(rng);
    case 2:
      return RelayRequest{};
    case 3:
      return RelayReply{};
    case 4:
      return RelayReply{.outcome = RelayOutcome::kReady, .controller = random_key(rng)};
    case 5:
      return SealedBatch{.sealed = random_sealed(rng)};
    case 6:
      return SealedAck{.sealed = random_sealed(rng)};
    case 0:
      return MeshHello{.protocol_major = static_cast<std::uint16_t>(rng()),
                       .protocol_minor = static_cast<std::uint16_t>(rng()),
                       .capabilities = rng()};
    case 1:
      return TraceRequest{.request = rng(), .source_port = random_port(rng)};
    default:
      return TraceReply{.request = rng(),
                        .outcome = static_cast<TraceOutcome>(random_below(rng, 3)),
                        .complete = random_bool(rng),
                        .hops = random_hops(rng),
                        .ended = random_path_end(rng)};
  }
}

}  // namespace faultline::tests
