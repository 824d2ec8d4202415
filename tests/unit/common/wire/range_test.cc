// Every documented range, broken one at a time: the value is encoded as it is and must be refused.
#include <algorithm>
#include <functional>

#include "tests/support/catch.h"
#include "tests/unit/common/wire/codecs.h"

namespace faultline::tests {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

Plan small_plan() {
  Rng rng(3);
  Plan plan;
  plan.revision = PlanRevision{1};
  plan.node = NodeId{1};
  for (std::uint32_t node = 2; node <= 3; ++node) {
    plan.peers.push_back({.node = NodeId{node},
                          .name = "leaf1-host2",
                          .address = IpAddress::v4(0x0a000000U + node),
                          .mesh_port = 7401,
                          .key = random_key(rng)});
  }
  plan.flows = {{0, 42000}, {1, 42001}};
  return plan;
}

TEST_CASE("a plan outside of its documented ranges is refused", "[wire][plan]") {
  REQUIRE(wire::decode_plan(wire::encode(small_plan())) == small_plan());
  const std::vector<std::function<void(Plan&)>> damages{
      [](Plan& plan) { plan.revision = PlanRevision{0}; },
      [](Plan& plan) { plan.node = NodeId{0}; },
      [](Plan& plan) { plan.window = milliseconds{999}; },
      [](Plan& plan) { plan.window = seconds{61}; },
      [](Plan& plan) { plan.flow_interval = Duration{0}; },
      [](Plan& plan) { plan.flow_interval = hours{2}; },
      [](Plan& plan) { plan.reply_timeout = Duration{0}; },
      [](Plan& plan) { plan.reply_timeout = seconds{61}; },
      [](Plan& plan) { plan.lease = Duration{-1}; },
      [](Plan& plan) { plan.lease = hours{31 * 24}; },
      [](Plan& plan) { plan.packets_per_second_max = 0; },
      [](Plan& plan) { plan.packets_per_second_max = kPacketsPerSecondMax + 1; },
      [](Plan& plan) { plan.traces_per_second = kTracesPerSecondMax + 1; },
      [](Plan& plan) { plan.packets_per_second_per_group_max = kPacketsPerSecondPerGroupMax + 1; },
      [](Plan& plan) { plan.trace_interval = Duration{1}; },
      [](Plan& plan) { plan.trace_interval = hours{2}; },
      [](Plan& plan) { plan.peers[0].node = NodeId{0}; },
      [](Plan& plan) { plan.peers[0].node = plan.peers[1].node; },
      [](Plan& plan) { plan.peers[0].name = "two words"; },
      [](Plan& plan) { plan.peers[0].address = IpAddress{}; },
      [](Plan& plan) { plan.peers[0].address = *IpAddress::parse("224.0.0.5"); },
      [](Plan& plan) { plan.peers[0].address = *IpAddress::parse("255.255.255.255"); },
      [](Plan& plan) { plan.peers[0].address = *IpAddress::parse("ff02::1"); },
      [](Plan& plan) { plan.peers[0].reflector_port = 0; },
      [](Plan& plan) { plan.peers[0].key = {}; },
      [](Plan& plan) { plan.peers.resize(kPlanPeersMax + 1, plan.peers[0]); },
      [](Plan& plan) { plan.flows[0].peer = 2; },
      [](Plan& plan) { plan.flows[0].source_port = 0; },
      [](Plan& plan) { plan.flows[0].size = kFlowSizeMin - 1; },
      [](Plan& plan) { plan.flows[0].size = kFlowSizeMax + 1; },
      [](Plan& plan) { plan.flows[0].dscp = kDscpMax + 1; },
      [](Plan& plan) { plan.flows.resize(kPlanFlowsMax + 1, plan.flows[0]); },
  };
  for (std::size_t i = 0; i < damages.size(); ++i) {
    CAPTURE(i);
    auto plan = small_plan();
    damages[i](plan);
    CHECK_FALSE(wire::decode_plan(wire::encode(plan)));
    CHECK_FALSE(wire::decode_controller_message(wire::encode(ControllerMessage{plan})));
    CHECK_FALSE(wire::validate_plan(plan));
  }
}

Report small_report() {
  Report report;
  report.plan = PlanRevision{1};
  report.window_start = wall_time_from_unix_seconds(1'700'000'000);
  report.flows = {{.target = NodeId{2},
                   .source_port = 42000,
                   .sent = 10,
                   .lost_forward = 1,
                   .lost_return = 2,
                   .lost_undetermined = 3,
                   .late = 4,
                   .rtt_min_ns = 10,
                   .rtt_mean_ns = 20,
                   .rtt_max_ns = 30},
                  {.target = NodeId{2}, .source_port = 42001, .sent = 3, .lost_forward = 3}};
  report.delays = {{NodeId{2}, *stats::Histogram::from_buckets({{3, 1}, {7, 2}})}, {NodeId{3}, {}}};
  report.paths = {
      {.target = NodeId{2}, .source_port = 42000, .hops = {{IpAddress::v4(0x0a000001)}, {}}}};
  return report;
}

TEST_CASE("a report that contradicts itself is refused", "[wire][report]") {
  REQUIRE(wire::decode_report(wire::encode(small_report())) == small_report());
  const std::vector<std::function<void(Report&)>> damages{
      [](Report& report) { report.window = milliseconds{500}; },
      [](Report& report) { report.window = seconds{61}; },
      [](Report& report) { report.window_start += milliseconds{1}; },
      [](Report& report) { report.window_start = wall_time_from_unix_seconds(-10); },
      [](Report& report) { report.window_start = wall_time_from_unix_seconds(7'258'118'400); },
      [](Report& report) { report.window_start = window_start(WallTime::max(), report.window); },
      [](Report& report) { report.paths[0].traced_at = WallTime::max(); },
      [](Report& report) { report.paths[0].traced_at = wall_time_from_unix_seconds(-1); },
      [](Report& report) { report.flows[0].target = NodeId{0}; },
      [](Report& report) { report.flows[0].source_port = 0; },
      [](Report& report) { report.flows[0].source_port = report.flows[1].source_port; },
      [](Report& report) { report.flows[0].lost_forward = 6; },
      [](Report& report) { report.flows[0].lost_forward = 0xffffffffU; },
      [](Report& report) { report.flows[0].late = 5; },
      [](Report& report) { report.flows[0].rtt_min_ns = 21; },
      [](Report& report) { report.flows[0].rtt_mean_ns = 31; },
      [](Report& report) { report.flows[1].rtt_max_ns = 1; },
      [](Report& report) { report.flows[0].dscp_there = kDscpMax + 1; },
      [](Report& report) { report.flows[0].dscp_back = kDscpMax + 1; },
      [](Report& report) { report.flows[0].dscp_rewritten = 6; },
      [](Report& report) { report.delays[0].target = NodeId{0}; },
      [](Report& report) { report.delays[0].target = NodeId{3}; },
      [](Report& report) { report.paths[0].target = NodeId{0}; },
      [](Report& report) { report.paths[0].source_port = 0; },
      [](Report& report) { report.paths[0].direction = static_cast<Direction>(2); },
      [](Report& report) { report.paths[0].hops.resize(kPathHopsMax + 1); },
      [](Report& report) { report.paths.resize(kReportPathsMax + 1, report.paths[0]); },
      [](Report& report) { report.flows.resize(kReportFlowsMax + 1, report.flows[0]); },
  };
  for (std::size_t i = 0; i < damages.size(); ++i) {
    CAPTURE(i);
    auto report = small_report();
    damages[i](report);
    CHECK_FALSE(wire::decode_report(wire::encode(report)));
  }
}

TEST_CASE("flows may come in any order, but each only once", "[wire][report]") {
  auto report = small_report();
  std::ranges::reverse(report.flows);
  REQUIRE(wire::decode_report(wire::encode(report)) == report);
  report.flows.push_back(report.flows[0]);  // not beside its copy
  CHECK_FALSE(wire::decode_report(wire::encode(report)));
  std::ranges::sort(report.flows, {}, &FlowWindow::source_port);  // beside it
  CHECK_FALSE(wire::decode_report(wire::encode(report)));
}

TEST_CASE("what is not told of a class is told from class 0, and a newer reason is none",
          "[wire][report]") {
  auto report = small_report();
  report.flows[0].dscp = 46;
  report.flows[0].dscp_there = 0;
  report.flows[0].dscp_back = kDscpMax;
  report.flows[0].dscp_rewritten = report.flows[0].answered();
  report.paths[0].ended = PathEnd::kLoop;
  const auto read = wire::decode_report(wire::encode(report));
  REQUIRE(read == report);
  CHECK_FALSE(read->flows[1].dscp_there);
  report.paths[0].ended = static_cast<PathEnd>(99);
  CHECK(wire::decode_report(wire::encode(report))->paths[0].ended == PathEnd::kNotTold);
  const TraceReply reply{.request = 1, .hops = {Hop{}}, .ended = PathEnd::kSilent};
  CHECK(wire::decode_mesh_message(wire::encode(MeshMessage{reply})) == MeshMessage{reply});
}

TEST_CASE("a control message outside of its documented ranges is refused", "[wire][control]") {
  Rng rng(5);
  const auto profile = random_profile(rng);
  const auto key = random_key(rng);
  const Hello hello{.boot = BootId{1}, .profile = profile};
  auto many_labels = hello;
  for (std::size_t i = 0; i <= kLabelsMax; ++i) {
    many_labels.profile.labels["l" + std::to_string(i)] = "x";
  }
  auto no_port = hello;
  no_port.profile.reflector_port = 0;
  auto ports_wrap = hello;
  ports_wrap.profile.source_port_first = 65530;
  ports_wrap.profile.source_port_count = 7;
  auto everyone = hello;
  everyone.profile.address = *IpAddress::parse("239.1.1.1");
  const std::vector<ProbeMessage> refused{
      Join{.node_key = {}, .name = "a", .profile = profile},
      Join{.node_key = key, .name = "no spaces", .profile = profile},
      Hello{.boot = BootId{0}, .profile = profile},
      many_labels,
      no_port,
      ports_wrap,
      everyone,
      Heartbeat{.sent_at = WallTime::max()},
      Heartbeat{.sent_at = wall_time_from_unix_nanoseconds(-1)},
      Batch{.boot = BootId{0}, .payload = std::vector<std::byte>(1)},
      Batch{.boot = BootId{1}, .first_sequence = 2, .sequence = 1},
      Batch{.boot = BootId{1}, .sequence = 1, .payload = std::vector<std::byte>(1)},
      Batch{.boot = BootId{1}, .results_dropped = 1, .payload = std::vector<std::byte>(1)},
      Batch{.boot = BootId{1}, .payload = std::vector<std::byte>(kBatchPayloadMax + 1)},
      Relayed{.origin = {}, .sealed = std::vector<std::byte>(kSealBytes)},
      Relayed{.origin = key, .sealed = std::vector<std::byte>(kSealBytes - 1)},
      Relayed{.origin = key, .sealed = std::vector<std::byte>(kSealedMax + 1)},
  };
  for (std::size_t i = 0; i < refused.size(); ++i) {
    CAPTURE(i);
    CHECK_FALSE(wire::decode_probe_message(wire::encode(refused[i])));
  }
}

TEST_CASE("a controller's answer outside of its documented ranges is refused", "[wire][control]") {
  const std::vector<ControllerMessage> refused{
      Joined{.node = NodeId{0}, .name = "a"},
      Joined{.node = NodeId{1}, .name = ""},
      Welcome{.node = NodeId{0}, .name = "a"},
      Welcome{.node = NodeId{1}, .name = "a", .heartbeat_interval = milliseconds{9}},
      Welcome{.node = NodeId{1}, .name = "a", .heartbeat_interval = hours{1}},
      HeartbeatReply{.sent_at = WallTime::min()},
      HeartbeatReply{.answered_at = WallTime::max()},
      BatchAck{.boot = BootId{0}},
      BatchAck{.boot = BootId{1}, .durable = {{2, 1}}},
      BatchAck{.boot = BootId{1}, .durable = {{1, 2}, {2, 3}}},
      BatchAck{.boot = BootId{1}, .durable = {{5, 6}, {1, 2}}},
      BatchAck{
          .boot = BootId{1},
          .durable =
              {{0, 0}, {2, 2}, {4, 4}, {6, 6}, {8, 8}, {10, 10}, {12, 12}, {14, 14}, {16, 16}}},
  };
  for (std::size_t i = 0; i < refused.size(); ++i) {
    CAPTURE(i);
    CHECK_FALSE(wire::decode_controller_message(wire::encode(refused[i])));
  }
}

TEST_CASE("a mesh message outside of its documented ranges is refused", "[wire][mesh]") {
  CHECK_FALSE(wire::decode_mesh_message(wire::encode(MeshMessage{TraceRequest{.request = 1}})));
  CHECK_FALSE(wire::decode_mesh_message(
      wire::encode(MeshMessage{TraceReply{.hops = std::vector<Hop>(kPathHopsMax + 1)}})));
  const auto refuses = [](const MeshMessage& message) {
    return !wire::decode_mesh_message(wire::encode(message));
  };
  const SessionName session{.source_port = 1, .ssid = 1};
  CHECK(refuses(ReceiptsRequest{}));
  CHECK(refuses(ReceiptsRequest{.sessions = {{.source_port = 0, .ssid = 1}}}));
  CHECK(refuses(ReceiptsRequest{.sessions = {{.source_port = 1, .ssid = 0}}}));
  CHECK(refuses(ReceiptsRequest{.sessions = {{.source_port = 1, .ssid = 0xFFF0}}}));
  CHECK(refuses(ReceiptsRequest{.sessions = std::vector(kReceiptSessionsMax + 1, session)}));
  const SessionRecord record{.session = session, .received = {1}};
  CHECK(refuses(Receipts{.records = std::vector(kReceiptSessionsMax + 1, record)}));
  CHECK(refuses(Receipts{.records = {{.session = session, .received = {2}}}}));
  for (const auto size : {kSealBytes - 1, kSealedMax + 1}) {
    const std::vector<std::byte> sealed(size);
    CHECK_FALSE(wire::decode_mesh_message(wire::encode(MeshMessage{SealedBatch{sealed}})));
    CHECK_FALSE(wire::decode_mesh_message(wire::encode(MeshMessage{SealedAck{sealed}})));
  }
  CHECK_FALSE(wire::decode_mesh_message(
      wire::encode(MeshMessage{RelayReply{.outcome = RelayOutcome::kReady, .controller = {}}})));
}

TEST_CASE("the largest batch fits under a seal, and the largest sealed one into each message",
          "[wire][mesh]") {
  const Batch largest{.boot = BootId{1}, .payload = std::vector<std::byte>(kBatchPayloadMax)};
  CHECK(wire::encode(ProbeMessage{largest}).size() + kSealBytes <= kSealedMax);
  const MeshMessage mesh{SealedBatch{.sealed = std::vector<std::byte>(kSealedMax)}};
  CHECK(wire::decode_mesh_message(wire::encode(mesh)) == mesh);
  PublicKey key;
  key.bytes.fill(1);
  const ProbeMessage relayed{Relayed{.origin = key, .sealed = std::vector<std::byte>(kSealedMax)}};
  CHECK(wire::decode_probe_message(wire::encode(relayed)) == relayed);
}

}  // namespace
}  // namespace faultline::tests
