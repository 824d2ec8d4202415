#include "tests/corpus/samples.h"

#include "common/wire/report_codec.h"

namespace faultline::corpus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The public half of replay_secret() (replay.h): a replaying peer can prove that it owns this key.
constexpr std::string_view kNodeKey =
    "07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c";

PublicKey key(std::uint8_t first) {
  PublicKey key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i) {
    key.bytes[i] = static_cast<std::uint8_t>(first + i);
  }
  return key;
}

IpAddress v6(std::uint8_t last) {
  return IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, last});
}

std::vector<std::byte> sealed_bytes(std::uint8_t first) {
  std::vector<std::byte> bytes(kSealBytes + 3);
  for (auto& byte : bytes) byte = std::byte{first++};
  return bytes;
}

WallTime time(std::int64_t second) { return wall_time_from_unix_seconds(1'795'316'400 + second); }

NodeProfile host() {
  return {.kind = NodeKind::kHost,
          .labels = {{"rack", "r7"}, {"zone", "z2"}, {"team", "storage, tier=2"}},
          .address = IpAddress::v4(0x7f000009),
          .reflector_port = 8862,
          .source_port_first = 61000,
          .source_port_count = 4,
          .mesh_port = 7401};
}

NodeProfile vm() {
  return {.kind = NodeKind::kVm,
          .labels = {},
          .address = v6(9),
          .reflector_port = 862,
          .source_port_first = 49200,
          .source_port_count = 16,
          .mesh_port = 0};
}

Report full_report() {
  Report report{.plan = PlanRevision{11},
                .window_start = time(20),
                .window = seconds{10},
                .health = {.lateness_max_ns = 1'500'000,
                           .receive_drops = 2,
                           .send_failures = 3,
                           .budget_deferred = 4,
                           .replies_unmatched = 5,
                           .reflector_refused = 6,
                           .softnet_drops = 14,
                           .throttled_ns = 15'000,
                           .stolen_ns = 16'000'000,
                           .processor_ns = 20'000'000'000,
                           .clock = ClockSync::kFree,
                           .clock_step_ns = -17'000'001,
                           .clock_offset_ns = 18'000'000'002}};
  report.flows = {{.target = NodeId{21},
                   .source_port = 61001,
                   .size = 1400,
                   .dscp = 46,
                   .dscp_there = 34,
                   .dscp_back = 10,
                   .dscp_rewritten = 13,
                   .sent = 100,
                   .lost_forward = 7,
                   .lost_return = 8,
                   .lost_undetermined = 9,
                   .duplicated = 10,
                   .reordered = 11,
                   .late = 12,
                   .rtt_min_ns = 50'001,
                   .rtt_mean_ns = 60'002,
                   .rtt_max_ns = 70'003},
                  {.target = NodeId{22}, .source_port = 61002, .sent = 20, .lost_undetermined = 20},
                  {.target = NodeId{21},
                   .source_port = 61003,
                   .dscp = 26,
                   .dscp_there = 0,  // told, and bleached
                   .sent = 10,
                   .rtt_min_ns = 1,
                   .rtt_mean_ns = 2,
                   .rtt_max_ns = 3}};
  TargetDelay delay{.target = NodeId{21}, .rtt = {}};
  delay.rtt.add(50'001, 3);
  delay.rtt.add(60'000, 40);
  delay.rtt.add(9'000'000, 1);
  report.delays = {std::move(delay)};
  const Hop silent;
  report.paths = {{.target = NodeId{21},
                   .source_port = 61001,
                   .direction = Direction::kForward,
                   .traced_at = time(22),
                   .complete = true,
                   .hops = {Hop{IpAddress::v4(0x0a030001)}, silent, Hop{v6(3)}},
                   .ended = PathEnd::kReached},
                  {.target = NodeId{22},
                   .source_port = 61002,
                   .direction = Direction::kReturn,
                   .traced_at = time(23) + milliseconds{5},
                   .complete = false,
                   .hops = {Hop{IpAddress::v4(0x0a030001)}},
                   .ended = PathEnd::kLoop}};
  return report;
}

// No loss, no path: the columns of zeros are left out.
Report healthy_report() {
  Report report{.plan = PlanRevision{12}, .window_start = time(60), .window = seconds{5}};
  report.flows = {{.target = NodeId{30},
                   .source_port = 42000,
                   .sent = 10,
                   .rtt_min_ns = 100,
                   .rtt_mean_ns = 200,
                   .rtt_max_ns = 300}};
  return report;
}

Plan full_plan() {
  return {.revision = PlanRevision{31},
          .node = NodeId{5},
          .window = seconds{10},
          .flow_interval = milliseconds{250},
          .reply_timeout = milliseconds{1500},
          .lease = seconds{1800},
          .packets_per_second_max = 777,
          .traces_per_second = 3,
          .packets_per_second_per_group_max = 888,
          .trace_interval = seconds{77},
          .peers = {{.node = NodeId{6},
                     .name = "h6",
                     .address = IpAddress::v4(0x0a010006),
                     .reflector_port = 862,
                     .mesh_port = 7401,
                     .key = key(60),
                     .second_key = key(120),
                     .authenticates = true,
                     .group = 4321},
                    {.node = NodeId{9},
                     .name = "vm-9.example",
                     .address = v6(0x19),
                     .reflector_port = 8862,
                     .mesh_port = 0,
                     .key = key(90)}},
          .flows = {{.peer = 0, .source_port = 61000},
                    {.peer = 1, .source_port = 61001, .size = 1500},
                    {.peer = 0, .source_port = 61002, .size = 1400, .dscp = 46},
                    {.peer = 1, .source_port = 61003, .dscp = 34}}};
}

}  // namespace

std::vector<Sample<Report>> report_samples() {
  return {{"full", full_report()},
          {"healthy", healthy_report()},
          {"empty", Report{.window_start = time(60), .window = seconds{60}}}};
}

std::vector<Sample<Plan>> plan_samples() {
  return {{"full", full_plan()},
          {"nothing_to_measure", Plan{.revision = PlanRevision{1}, .node = NodeId{2}}}};
}

std::vector<Sample<ProbeMessage>> probe_samples() {
  const BootId boot{0xfedcba9876543210};
  return {
      {"join", Join{.node_key = *parse_public_key(kNodeKey), .name = {}, .profile = host()}},
      {"join_named_vm", Join{.node_key = key(1), .name = "vm-1.example", .profile = vm()}},
      {"hello",
       Hello{.software = "faultline-probe 0.1.0", .boot = boot, .profile = host(), .plan = {}}},
      {"hello_with_plan", Hello{.software = "faultline-probe 0.1.0+local",
                                .boot = BootId{77},
                                .profile = vm(),
                                .plan = PlanRevision{31},
                                .plan_hash = 0x123456789abcdef0,
                                .sent_at = time(39)}},
      {"heartbeat", Heartbeat{.sequence = 41,
                              .sent_at = time(42) + milliseconds{43},
                              .plan = PlanRevision{44},
                              .spool_batches = 45,
                              .spool_bytes = 46,
                              .spool_dropped = 47}},
      {"plan_ack", PlanAck{.revision = PlanRevision{31}, .hash = 51, .accepted = true}},
      {"plan_ack_refused", PlanAck{.revision = PlanRevision{32},
                                   .hash = 52,
                                   .accepted = false,
                                   .reason = "the plan is for node 6, this is node 5"}},
      {"batch", Batch{.boot = boot,
                      .first_sequence = 1,
                      .sequence = 1,
                      .payload = wire::encode(full_report())}},
      {"batch_healthy", Batch{.boot = boot,
                              .first_sequence = 2,
                              .sequence = 2,
                              .payload = wire::encode(healthy_report())}},
      {"batch_gap",
       Batch{.boot = boot, .first_sequence = 3, .sequence = 9, .results_dropped = 1234}},
      {"facts", FactsUpdate{.collected_at = time(60),
                            .base = 61,
                            .digest = 62,
                            .payload = {std::byte{1}, std::byte{2}}}},
      {"goodbye", Goodbye{.boot = boot, .stopped_at = time(64), .spool_batches = 65}},
      {"rekey", Rekey{.key = key(20)}},
      {"controllers_ack", ControllersAck{.revision = 66}},
      {"test_progress", TestProgress{.test = 67, .text = "5 of 20 answered"}},
      {"test_progress_done", TestProgress{.test = 68,
                                          .state = TestState::kDone,
                                          .text = "done",
                                          .report = R"({"schema":"faultline.test/1"})"}},
      {"test_progress_refused",
       TestProgress{.test = 69, .state = TestState::kRefused, .text = "too many tests wait"}},
      {"relayed", Relayed{.origin = key(30), .sealed = sealed_bytes(1)}},
  };
}

std::vector<Sample<ControllerMessage>> controller_samples() {
  std::vector<Sample<ControllerMessage>> samples{
      {"joined", Joined{.node = NodeId{5}, .name = "h5"}},
      {"welcome", Welcome{.software = "faultline-controller 0.1.0",
                          .node = NodeId{5},
                          .name = "h5",
                          .heartbeat_interval = milliseconds{1500},
                          .plan_current = false}},
      {"welcome_plan_current", Welcome{.capabilities = kCapabilityTrace,
                                       .software = "faultline-controller 0.1.0",
                                       .node = NodeId{6},
                                       .name = "h6",
                                       .heartbeat_interval = seconds{5},
                                       .plan_current = true}},
      {"heartbeat_reply",
       HeartbeatReply{.sequence = 41, .sent_at = time(42), .answered_at = time(43)}},
      {"plan", full_plan()},
      {"batch_ack",
       BatchAck{.boot = BootId{77}, .durable = {{1, 4}, {6, 6}, {9, 12}}, .credit = 28}},
      {"boost",
       Boost{.plan = PlanRevision{31}, .life = milliseconds{8001}, .flows = {{2, 3}, {5, 16}}}},
      {"facts_ack", FactsAck{.digest = 62}},
      {"facts_ack_again", FactsAck{.digest = 63, .again = true}},
      {"rekey_request", RekeyRequest{}},
      {"rekeyed", Rekeyed{.key = key(21)}},
      {"controllers", Controllers{.revision = 66, .keys = {key(22), key(55)}}},
      {"test_request",
       TestRequest{.test = 67, .lease = seconds{70}, .order = R"({"kind":"ping","target":"::1"})"}},
      {"relayed_ack", RelayedAck{.origin = key(30), .sealed = sealed_bytes(2)}},
      {"batch_ack_of_nothing", BatchAck{.boot = BootId{78}, .durable = {}, .credit = 32}},
  };
  for (std::uint8_t reason = 0; reason <= 5; ++reason) {
    samples.push_back({"refusal_" + std::to_string(reason),
                       Refusal{static_cast<RefusalReason>(reason), "one sentence for the log"}});
  }
  return samples;
}

std::vector<Sample<MeshMessage>> mesh_samples() {
  return {{"hello", MeshHello{}},
          {"trace_request", TraceRequest{.request = 91, .source_port = 61003}},
          {"trace_reply", TraceReply{.request = 91,
                                     .outcome = TraceOutcome::kDone,
                                     .complete = true,
                                     .hops = {Hop{IpAddress::v4(0x0a030002)}, Hop{}, Hop{v6(4)}},
                                     .ended = PathEnd::kReached}},
          {"trace_reply_busy", TraceReply{.request = 92, .outcome = TraceOutcome::kBusy}},
          {"trace_reply_not_permitted",
           TraceReply{.request = 93, .outcome = TraceOutcome::kNotPermitted}},
          {"relay_request", RelayRequest{}},
          {"relay_reply", RelayReply{.outcome = RelayOutcome::kReady, .controller = key(40)}},
          {"relay_reply_cannot", RelayReply{.outcome = RelayOutcome::kCannot}},
          {"relay_reply_later", RelayReply{.outcome = RelayOutcome::kLater}},
          {"sealed_batch", SealedBatch{.sealed = sealed_bytes(3)}},
          {"sealed_ack", SealedAck{.sealed = sealed_bytes(4)}},
          {"receipts_request",
           ReceiptsRequest{.request = 94,
                           .sessions = {{.source_port = 61003, .ssid = 7, .authenticated = true}}}},
          {"receipts", Receipts{.request = 94,
                                .records = {{.session = {.source_port = 61003, .ssid = 7},
                                             .first = 1,
                                             .newest = 300,
                                             .received = {1, 5}}}}}};
}

}  // namespace faultline::corpus
