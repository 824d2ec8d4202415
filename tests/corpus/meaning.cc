#include "tests/corpus/meaning.h"

#include "common/wire/report_codec.h"

namespace faultline::corpus {
namespace {

using Json = nlohmann::json;

// Of what a later version added: only what differs from what an older one means by not saying it,
// so that what older messages mean stays as it was written down.
template <typename Value>
void add(Json& json, const char* name, const Value& value) {
  if (value != Value{}) json[name] = value;
}
void add(Json& json, const char* name, std::optional<std::uint8_t> value) {
  if (value) json[name] = *value;
}
void add(Json& json, const char* name, ClockSync value) {
  add(json, name, static_cast<int>(value));
}
void add(Json& json, const char* name, PathEnd value) { add(json, name, static_cast<int>(value)); }

Json describe(const NodeProfile& profile) {
  return {{"kind", to_string(profile.kind)},
          {"labels", profile.labels},
          {"address", profile.address.to_string()},
          {"reflector_port", profile.reflector_port},
          {"source_port_first", profile.source_port_first},
          {"source_port_count", profile.source_port_count},
          {"mesh_port", profile.mesh_port}};
}

Json describe(const Join& join) {
  return {{"protocol_major", join.protocol_major},
          {"node_key", to_string(join.node_key)},
          {"name", join.name},
          {"profile", describe(join.profile)}};
}

Json describe(const Hello& hello) {
  Json json = {{"protocol_major", hello.protocol_major},
               {"protocol_minor", hello.protocol_minor},
               {"capabilities", hello.capabilities},
               {"software", hello.software},
               {"boot", hello.boot.value()},
               {"profile", describe(hello.profile)},
               {"plan", hello.plan.value()},
               {"plan_hash", hello.plan_hash}};
  add(json, "sent_at_ns", unix_nanoseconds(hello.sent_at));
  return json;
}

Json describe(const Heartbeat& heartbeat) {
  return {
      {"sequence", heartbeat.sequence},       {"sent_at_ns", unix_nanoseconds(heartbeat.sent_at)},
      {"plan", heartbeat.plan.value()},       {"spool_batches", heartbeat.spool_batches},
      {"spool_bytes", heartbeat.spool_bytes}, {"spool_dropped", heartbeat.spool_dropped}};
}

Json describe(const PlanAck& ack) {
  return {{"revision", ack.revision.value()},
          {"hash", ack.hash},
          {"accepted", ack.accepted},
          {"reason", ack.reason}};
}

Json describe(const Batch& batch) {
  Json json = {{"boot", batch.boot.value()},
               {"first_sequence", batch.first_sequence},
               {"sequence", batch.sequence},
               {"results_dropped", batch.results_dropped}};
  if (batch.is_gap()) return json;
  const auto report = wire::decode_report(batch.payload);
  json["report"] = report ? meaning(*report) : Json(report.error().context);
  return json;
}

Json describe(const Goodbye& goodbye) {
  return {{"boot", goodbye.boot.value()},
          {"stopped_at_ns", unix_nanoseconds(goodbye.stopped_at)},
          {"spool_batches", goodbye.spool_batches}};
}

Json describe(const Rekey& rekey) { return {{"key", to_string(rekey.key)}}; }

Json describe(const ControllersAck& ack) { return {{"revision", ack.revision}}; }

Json describe(const RekeyRequest&) { return Json::object(); }

Json describe(const Rekeyed& rekeyed) { return {{"key", to_string(rekeyed.key)}}; }

Json describe(const Controllers& controllers) {
  Json keys = Json::array();
  for (const auto& key : controllers.keys) keys.push_back(to_string(key));
  return {{"revision", controllers.revision}, {"keys", std::move(keys)}};
}

Json describe(const Boost& boost) {
  Json flows = Json::array();
  for (const auto& flow : boost.flows) flows.push_back({flow.flow, flow.times});
  return {
      {"plan", boost.plan.value()}, {"life_ns", boost.life.count()}, {"flows", std::move(flows)}};
}

Json describe(const FactsUpdate& update) {
  return {{"collected_at_ns", unix_nanoseconds(update.collected_at)},
          {"base", update.base},
          {"digest", update.digest},
          {"payload_bytes", update.payload.size()}};
}

Json describe(const TestProgress& progress) {
  return {{"test", progress.test},
          {"state", static_cast<int>(progress.state)},
          {"text", progress.text},
          {"report", progress.report}};
}

Json describe(const TestRequest& request) {
  return {{"test", request.test}, {"lease_ns", request.lease.count()}, {"order", request.order}};
}

template <typename Message>  // Relayed, RelayedAck
Json of_origin(const Message& message) {
  return {{"origin", to_string(message.origin)}, {"sealed_bytes", message.sealed.size()}};
}
Json describe(const Relayed& relayed) { return of_origin(relayed); }
Json describe(const RelayedAck& relayed) { return of_origin(relayed); }

Json describe(const RelayRequest&) { return Json::object(); }

Json describe(const RelayReply& reply) {
  return {{"ready", reply.outcome == RelayOutcome::kReady},
          {"controller", to_string(reply.controller)}};
}

Json describe(const SealedBatch& batch) { return {{"sealed_bytes", batch.sealed.size()}}; }
Json describe(const SealedAck& ack) { return {{"sealed_bytes", ack.sealed.size()}}; }

Json describe(const SessionName& session) {
  return {{"source_port", session.source_port},
          {"ssid", session.ssid},
          {"authenticated", session.authenticated}};
}

Json describe(const ReceiptsRequest& request) {
  auto sessions = Json::array();
  for (const auto& session : request.sessions) sessions.push_back(describe(session));
  return {{"request", request.request}, {"sessions", sessions}};
}

Json describe(const Receipts& receipts) {
  auto records = Json::array();
  for (const auto& record : receipts.records) {
    records.push_back({{"session", describe(record.session)},
                       {"first", record.first},
                       {"newest", record.newest},
                       {"received", record.received}});
  }
  return {{"request", receipts.request}, {"records", records}};
}

Json describe(const FactsAck& ack) { return {{"digest", ack.digest}, {"again", ack.again}}; }

Json describe(const Joined& joined) {
  return {{"node", joined.node.value()}, {"name", joined.name}};
}

Json describe(const Refusal& refusal) {
  return {{"reason", to_string(refusal.reason)}, {"text", refusal.text}};
}

Json describe(const Welcome& welcome) {
  return {{"protocol_major", welcome.protocol_major},
          {"protocol_minor", welcome.protocol_minor},
          {"capabilities", welcome.capabilities},
          {"software", welcome.software},
          {"node", welcome.node.value()},
          {"name", welcome.name},
          {"heartbeat_interval_ns", welcome.heartbeat_interval.count()},
          {"plan_current", welcome.plan_current}};
}

Json describe(const HeartbeatReply& reply) {
  return {{"sequence", reply.sequence},
          {"sent_at_ns", unix_nanoseconds(reply.sent_at)},
          {"answered_at_ns", unix_nanoseconds(reply.answered_at)}};
}

Json describe(const Plan& plan) { return meaning(plan); }

Json describe(const BatchAck& ack) {
  Json durable = Json::array();
  for (const auto& interval : ack.durable) durable.push_back({interval.first, interval.last});
  return {{"boot", ack.boot.value()}, {"durable", durable}, {"credit", ack.credit}};
}

Json describe(const MeshHello& hello) {
  return {{"protocol_major", hello.protocol_major},
          {"protocol_minor", hello.protocol_minor},
          {"capabilities", hello.capabilities}};
}

Json describe(const TraceRequest& request) {
  return {{"request", request.request}, {"source_port", request.source_port}};
}

Json describe(const std::vector<Hop>& hops) {
  Json json = Json::array();
  for (const auto& hop : hops)
    json.push_back(hop.address ? Json(hop.address->to_string()) : Json());
  return json;
}

Json describe(const TraceReply& reply) {
  static constexpr std::array<const char*, 3> kOutcomes{"done", "busy", "not permitted"};
  Json json = {{"request", reply.request},
               {"outcome", kOutcomes.at(static_cast<std::size_t>(reply.outcome))},
               {"complete", reply.complete},
               {"hops", describe(reply.hops)}};
  add(json, "ended", reply.ended);
  return json;
}

Json describe(const ProberHealth& health) {
  Json json = {{"lateness_max_ns", health.lateness_max_ns},
               {"receive_drops", health.receive_drops},
               {"send_failures", health.send_failures},
               {"budget_deferred", health.budget_deferred},
               {"replies_unmatched", health.replies_unmatched},
               {"reflector_refused", health.reflector_refused}};
  add(json, "softnet_drops", health.softnet_drops);
  add(json, "throttled_ns", health.throttled_ns);
  add(json, "stolen_ns", health.stolen_ns);
  add(json, "processor_ns", health.processor_ns);
  add(json, "clock", health.clock);
  add(json, "clock_step_ns", health.clock_step_ns);
  add(json, "clock_offset_ns", health.clock_offset_ns);
  return json;
}

Json describe(const FlowWindow& flow) {
  Json json = {{"target", flow.target.value()},
               {"source_port", flow.source_port},
               {"sent", flow.sent},
               {"lost_forward", flow.lost_forward},
               {"lost_return", flow.lost_return},
               {"lost_undetermined", flow.lost_undetermined},
               {"duplicated", flow.duplicated},
               {"reordered", flow.reordered},
               {"late", flow.late},
               {"rtt_ns", {flow.rtt_min_ns, flow.rtt_mean_ns, flow.rtt_max_ns}}};
  add(json, "size", flow.size);
  add(json, "dscp", flow.dscp);
  add(json, "dscp_there", flow.dscp_there);
  add(json, "dscp_back", flow.dscp_back);
  add(json, "dscp_rewritten", flow.dscp_rewritten);
  return json;
}

Json describe(const PathRecord& path) {
  Json json = {{"target", path.target.value()},
               {"source_port", path.source_port},
               {"direction", path.direction == Direction::kForward ? "forward" : "return"},
               {"traced_at_ns", unix_nanoseconds(path.traced_at)},
               {"complete", path.complete},
               {"hops", describe(path.hops)}};
  add(json, "ended", path.ended);
  return json;
}

Json describe(const TargetDelay& delay) {
  Json buckets = Json::array();
  for (const auto& bucket : delay.rtt.buckets()) buckets.push_back({bucket.index, bucket.count});
  return {{"target", delay.target.value()}, {"buckets", buckets}};
}

Json describe(const PlanPeer& peer) {
  Json json = {{"node", peer.node.value()},           {"name", peer.name},
               {"address", peer.address.to_string()}, {"reflector_port", peer.reflector_port},
               {"mesh_port", peer.mesh_port},         {"key", to_string(peer.key)}};
  if (peer.second_key) json["second_key"] = to_string(*peer.second_key);
  add(json, "authenticates", peer.authenticates);
  add(json, "group", peer.group);
  return json;
}

// A flow of the smallest packets without a class is what it was in 1.0: two numbers.
Json describe(const PlanFlow& flow) {
  if (flow.size == 0 && flow.dscp == 0) return {flow.peer, flow.source_port};
  return {flow.peer, flow.source_port, flow.size, flow.dscp};
}

template <typename Rows>
Json rows(const Rows& values) {
  Json json = Json::array();
  for (const auto& value : values) json.push_back(describe(value));
  return json;
}

// {"Hello": {...}}: the kind is the only key.
template <typename Message>
Json of_kind(const Message& message, std::initializer_list<const char*> kinds) {
  return {{kinds.begin()[message.index()],
           std::visit([](const auto& kind) { return describe(kind); }, message)}};
}

}  // namespace

Json meaning(const ProbeMessage& message) {
  return of_kind(message, {"Join", "Hello", "Heartbeat", "PlanAck", "Batch", "Goodbye", "Rekey",
                           "ControllersAck", "FactsUpdate", "TestProgress", "Relayed"});
}

Json meaning(const ControllerMessage& message) {
  return of_kind(message, {"Joined", "Refusal", "Welcome", "HeartbeatReply", "Plan", "BatchAck",
                           "RekeyRequest", "Rekeyed", "Controllers", "Boost", "FactsAck",
                           "TestRequest", "RelayedAck"});
}

Json meaning(const MeshMessage& message) {
  return of_kind(message, {"MeshHello", "TraceRequest", "TraceReply", "RelayRequest", "RelayReply",
                           "SealedBatch", "SealedAck", "ReceiptsRequest", "Receipts"});
}

Json meaning(const Plan& plan) {
  Json json = {{"revision", plan.revision.value()},
               {"node", plan.node.value()},
               {"window_ns", plan.window.count()},
               {"flow_interval_ns", plan.flow_interval.count()},
               {"reply_timeout_ns", plan.reply_timeout.count()},
               {"lease_ns", plan.lease.count()},
               {"packets_per_second_max", plan.packets_per_second_max},
               {"traces_per_second", plan.traces_per_second},
               {"peers", rows(plan.peers)},
               {"flows", rows(plan.flows)},
               {"hash", plan_hash(plan)}};
  add(json, "packets_per_second_per_group_max", plan.packets_per_second_per_group_max);
  add(json, "trace_interval_ns", plan.trace_interval.count());
  return json;
}

Json meaning(const Report& report) {
  return {{"plan", report.plan.value()},
          {"window_start_ns", unix_nanoseconds(report.window_start)},
          {"window_ns", report.window.count()},
          {"health", describe(report.health)},
          {"flows", rows(report.flows)},
          {"delays", rows(report.delays)},
          {"paths", rows(report.paths)}};
}

}  // namespace faultline::corpus
