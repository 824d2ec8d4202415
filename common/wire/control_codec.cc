#include "common/wire/control_codec.h"

#include <algorithm>

#include "common/wire/fields.h"
#include "common/wire/message.h"
#include "common/wire/plan_fields.h"
#include "common/wire/test_fields.h"
#include "control.capnp.h"

namespace faultline::wire {
namespace {

// ---- probe to controller

void write(schema::ProbeMessage::Builder root, const Join& join) {
  auto builder = root.initJoin();
  write_protocol(builder.initProtocol(), join);
  builder.setNodeKey(to_wire(join.node_key));
  builder.setName(join.name);
  write_profile(builder.initProfile(), join.profile);
}

Result<ProbeMessage> read(schema::Join::Reader reader) {
  Join join;
  read_protocol(reader.getProtocol(), join);
  if (join.protocol_major != kProtocolMajor) return join;
  FAULTLINE_TRY(join.node_key, read_key("node key", reader.getNodeKey()));
  if (reader.getName().size() > 0) {
    FAULTLINE_TRY(join.name, read_name("name", reader.getName()));
  }
  FAULTLINE_TRY(join.profile, read_profile(reader.getProfile()));
  return join;
}

void write(schema::ProbeMessage::Builder root, const Hello& hello) {
  auto builder = root.initHello();
  write_protocol(builder.initProtocol(), hello);
  builder.setSoftware(printable(hello.software));
  builder.setBoot(hello.boot.value());
  write_profile(builder.initProfile(), hello.profile);
  builder.setPlanRevision(hello.plan.value());
  builder.setPlanHash(hello.plan_hash);
  builder.setSentAt(unix_nanoseconds(hello.sent_at));
}

Result<ProbeMessage> read(schema::Hello::Reader reader) {
  Hello hello;
  read_protocol(reader.getProtocol(), hello);
  if (hello.protocol_major != kProtocolMajor) return hello;
  FAULTLINE_TRY(hello.software, read_text("software", reader.getSoftware()));
  hello.boot = BootId{reader.getBoot()};
  FAULTLINE_TRY_STATUS(check_nonzero("boot", hello.boot.value()));
  FAULTLINE_TRY(hello.profile, read_profile(reader.getProfile()));
  hello.plan = PlanRevision{reader.getPlanRevision()};
  hello.plan_hash = reader.getPlanHash();
  FAULTLINE_TRY(hello.sent_at, read_time("sent at", reader.getSentAt()));
  return hello;
}

void write(schema::ProbeMessage::Builder root, const Heartbeat& heartbeat) {
  auto builder = root.initHeartbeat();
  builder.setSequence(heartbeat.sequence);
  builder.setSentAt(unix_nanoseconds(heartbeat.sent_at));
  builder.setPlanRevision(heartbeat.plan.value());
  builder.setSpoolBatches(heartbeat.spool_batches);
  builder.setSpoolBytes(heartbeat.spool_bytes);
  builder.setSpoolDropped(heartbeat.spool_dropped);
}

Result<ProbeMessage> read(schema::Heartbeat::Reader reader) {
  FAULTLINE_TRY(const auto sent_at, read_time("sent at", reader.getSentAt()));
  return Heartbeat{.sequence = reader.getSequence(),
                   .sent_at = sent_at,
                   .plan = PlanRevision{reader.getPlanRevision()},
                   .spool_batches = reader.getSpoolBatches(),
                   .spool_bytes = reader.getSpoolBytes(),
                   .spool_dropped = reader.getSpoolDropped()};
}

void write(schema::ProbeMessage::Builder root, const PlanAck& ack) {
  auto builder = root.initPlanAck();
  builder.setRevision(ack.revision.value());
  builder.setHash(ack.hash);
  builder.setAccepted(ack.accepted);
  builder.setReason(printable(ack.reason));
}

Result<ProbeMessage> read(schema::PlanAck::Reader reader) {
  PlanAck ack;
  ack.revision = PlanRevision{reader.getRevision()};
  ack.hash = reader.getHash();
  ack.accepted = reader.getAccepted();
  FAULTLINE_TRY(ack.reason, read_text("reason", reader.getReason()));
  return ack;
}

void write(schema::ProbeMessage::Builder root, const Batch& batch) {
  auto builder = root.initBatch();
  builder.setBoot(batch.boot.value());
  builder.setFirstSequence(batch.first_sequence);
  builder.setSequence(batch.sequence);
  builder.setResultsDropped(batch.results_dropped);
  builder.setPayload({reinterpret_cast<const kj::byte*>(batch.payload.data()),  //
                      batch.payload.size()});
}

Result<ProbeMessage> read(schema::Batch::Reader reader) {
  Batch batch;
  batch.boot = BootId{reader.getBoot()};
  FAULTLINE_TRY_STATUS(check_nonzero("boot", batch.boot.value()));
  batch.first_sequence = reader.getFirstSequence();
  batch.sequence = reader.getSequence();
  batch.results_dropped = reader.getResultsDropped();
  const auto payload = reader.getPayload();
  FAULTLINE_TRY_STATUS(check_count("payload bytes", payload.size(), kBatchPayloadMax));
  if (batch.first_sequence > batch.sequence) {
    return fail(ErrorCode::kInvalid, "the first sequence of a gap is after its last");
  }
  if (payload.size() > 0 &&
      (batch.first_sequence != batch.sequence || batch.results_dropped != 0)) {
    return fail(ErrorCode::kInvalid, "a batch is both results and a gap");
  }
  const auto bytes = std::as_bytes(std::span(payload.begin(), payload.size()));
  batch.payload.assign(bytes.begin(), bytes.end());
  return batch;
}

void write(schema::ProbeMessage::Builder root, const Goodbye& goodbye) {
  auto builder = root.initGoodbye();
  builder.setBoot(goodbye.boot.value());
  builder.setStoppedAt(unix_nanoseconds(goodbye.stopped_at));
  builder.setSpoolBatches(goodbye.spool_batches);
}

Result<ProbeMessage> read(schema::Goodbye::Reader reader) {
  Goodbye goodbye;
  goodbye.boot = BootId{reader.getBoot()};
  FAULTLINE_TRY_STATUS(check_nonzero("boot", goodbye.boot.value()));
  FAULTLINE_TRY(goodbye.stopped_at, read_time("stopped at", reader.getStoppedAt()));
  goodbye.spool_batches = reader.getSpoolBatches();
  return goodbye;
}

void write(schema::ProbeMessage::Builder root, const Rekey& rekey) {
  root.initRekey().setKey(to_wire(rekey.key));
}

Result<ProbeMessage> read(schema::Rekey::Reader reader) {
  FAULTLINE_TRY(const auto key, read_key("key", reader.getKey()));
  return Rekey{.key = key};
}

void write(schema::ProbeMessage::Builder root, const ControllersAck& ack) {
  root.initControllersAck().setRevision(ack.revision);
}

Result<ProbeMessage> read(schema::ControllersAck::Reader reader) {
  FAULTLINE_TRY_STATUS(check_nonzero("revision", reader.getRevision()));
  return ControllersAck{.revision = reader.getRevision()};
}

void write(schema::ProbeMessage::Builder root, const FactsUpdate& update) {
  auto builder = root.initFactsUpdate();
  builder.setCollectedAt(unix_nanoseconds(update.collected_at));
  builder.setBase(update.base);
  builder.setDigest(update.digest);
  builder.setPayload({reinterpret_cast<const kj::byte*>(update.payload.data()),  //
                      update.payload.size()});
}

Result<ProbeMessage> read(schema::FactsUpdate::Reader reader) {
  FactsUpdate update{.base = reader.getBase(), .digest = reader.getDigest()};
  FAULTLINE_TRY(update.collected_at, read_time("collected at", reader.getCollectedAt()));
  FAULTLINE_TRY_STATUS(check_nonzero("digest", update.digest));
  const auto payload = reader.getPayload();
  FAULTLINE_TRY_STATUS(check_count("payload bytes", payload.size(), kFactsPayloadMax));
  FAULTLINE_TRY_STATUS(check_nonzero("payload bytes", payload.size()));
  const auto bytes = std::as_bytes(std::span(payload.begin(), payload.size()));
  update.payload.assign(bytes.begin(), bytes.end());
  return update;
}

void write(schema::ProbeMessage::Builder root, const TestProgress& progress) {
  write_test(root.initTestProgress(), progress);
}

void write(schema::ProbeMessage::Builder root, const Relayed& relayed) {
  auto builder = root.initRelayed();
  builder.setOrigin(to_wire(relayed.origin));
  builder.setSealed(to_wire(relayed.sealed));
}

template <typename Message>  // Relayed, RelayedAck
Result<Message> read_relayed(schema::Relayed::Reader reader) {
  Message message;
  FAULTLINE_TRY(message.origin, read_key("origin", reader.getOrigin()));
  FAULTLINE_TRY(message.sealed, read_sealed(reader.getSealed()));
  return message;
}

// ---- controller to probe

void write(schema::ControllerMessage::Builder root, const Joined& joined) {
  auto builder = root.initJoined();
  builder.setNode(joined.node.value());
  builder.setName(joined.name);
}

Result<ControllerMessage> read(schema::Joined::Reader reader) {
  Joined joined;
  joined.node = NodeId{reader.getNode()};
  FAULTLINE_TRY_STATUS(check_nonzero("node", joined.node.value()));
  FAULTLINE_TRY(joined.name, read_name("name", reader.getName()));
  return joined;
}

void write(schema::ControllerMessage::Builder root, const Refusal& refusal) {
  auto builder = root.initRefusal();
  builder.setReason(static_cast<std::uint8_t>(refusal.reason));
  builder.setText(printable(refusal.text));
}

Result<ControllerMessage> read(schema::Refusal::Reader reader) {
  constexpr auto kReasonMax = static_cast<std::uint8_t>(RefusalReason::kOverloaded);
  Refusal refusal;
  refusal.reason = reader.getReason() <= kReasonMax ? static_cast<RefusalReason>(reader.getReason())
                                                    : RefusalReason::kMalformed;
  FAULTLINE_TRY(refusal.text, read_text("text", reader.getText()));
  return refusal;
}

void write(schema::ControllerMessage::Builder root, const Welcome& welcome) {
  auto builder = root.initWelcome();
  write_protocol(builder.initProtocol(), welcome);
  builder.setSoftware(printable(welcome.software));
  builder.setNode(welcome.node.value());
  builder.setName(welcome.name);
  builder.setHeartbeatIntervalNs(to_wire(welcome.heartbeat_interval));
  builder.setPlanCurrent(welcome.plan_current);
}

Result<ControllerMessage> read(schema::Welcome::Reader reader) {
  Welcome welcome;
  read_protocol(reader.getProtocol(), welcome);
  if (welcome.protocol_major != kProtocolMajor) return welcome;
  FAULTLINE_TRY(welcome.software, read_text("software", reader.getSoftware()));
  welcome.node = NodeId{reader.getNode()};
  FAULTLINE_TRY_STATUS(check_nonzero("node", welcome.node.value()));
  FAULTLINE_TRY(welcome.name, read_name("name", reader.getName()));
  FAULTLINE_TRY(welcome.heartbeat_interval,
                read_duration("heartbeat interval", reader.getHeartbeatIntervalNs(),
                              kHeartbeatIntervalMin, kHeartbeatIntervalMax));
  welcome.plan_current = reader.getPlanCurrent();
  return welcome;
}

void write(schema::ControllerMessage::Builder root, const HeartbeatReply& reply) {
  auto builder = root.initHeartbeatReply();
  builder.setSequence(reply.sequence);
  builder.setSentAt(unix_nanoseconds(reply.sent_at));
  builder.setAnsweredAt(unix_nanoseconds(reply.answered_at));
}

Result<ControllerMessage> read(schema::HeartbeatReply::Reader reader) {
  FAULTLINE_TRY(const auto sent_at, read_time("sent at", reader.getSentAt()));
  FAULTLINE_TRY(const auto answered_at, read_time("answered at", reader.getAnsweredAt()));
  return HeartbeatReply{
      .sequence = reader.getSequence(), .sent_at = sent_at, .answered_at = answered_at};
}

void write(schema::ControllerMessage::Builder root, const Plan& plan) {
  write_plan(root.initPlan(), plan);
}

void write(schema::ControllerMessage::Builder root, const BatchAck& ack) {
  auto builder = root.initBatchAck();
  builder.setBoot(ack.boot.value());
  auto durable = builder.initDurable(static_cast<unsigned>(ack.durable.size()));
  for (unsigned i = 0; i < durable.size(); ++i) {
    durable[i].setFirst(ack.durable[i].first);
    durable[i].setLast(ack.durable[i].last);
  }
  builder.setCredit(ack.credit);
}

Result<ControllerMessage> read(schema::BatchAck::Reader reader) {
  BatchAck ack;
  ack.boot = BootId{reader.getBoot()};
  FAULTLINE_TRY_STATUS(check_nonzero("boot", ack.boot.value()));
  const auto durable = reader.getDurable();
  FAULTLINE_TRY_STATUS(check_count("intervals", durable.size(), kSequenceIntervalsMax));
  for (const auto item : durable) {
    const SequenceInterval interval{item.getFirst(), item.getLast()};
    if (interval.first > interval.last ||
        (!ack.durable.empty() && interval.first <= ack.durable.back().last)) {
      return fail(ErrorCode::kInvalid, "intervals are not ascending and disjoint");
    }
    ack.durable.push_back(interval);
  }
  ack.credit = reader.getCredit();
  return ack;
}

void write(schema::ControllerMessage::Builder root, const RekeyRequest& /*request*/) {
  root.initRekeyRequest();
}

void write(schema::ControllerMessage::Builder root, const Rekeyed& rekeyed) {
  root.initRekeyed().setKey(to_wire(rekeyed.key));
}

Result<ControllerMessage> read(schema::Rekeyed::Reader reader) {
  FAULTLINE_TRY(const auto key, read_key("key", reader.getKey()));
  return Rekeyed{.key = key};
}

void write(schema::ControllerMessage::Builder root, const Controllers& controllers) {
  auto builder = root.initControllers();
  builder.setRevision(controllers.revision);
  auto keys = builder.initKeys(static_cast<unsigned>(controllers.keys.size()));
  for (unsigned i = 0; i < keys.size(); ++i) keys.set(i, to_wire(controllers.keys[i]));
}

Result<ControllerMessage> read(schema::Controllers::Reader reader) {
  Controllers controllers{.revision = reader.getRevision()};
  FAULTLINE_TRY_STATUS(check_nonzero("revision", controllers.revision));
  const auto keys = reader.getKeys();
  FAULTLINE_TRY_STATUS(check_count("controllers' keys", keys.size(), kControllerKeysMax));
  if (keys.size() == 0) return fail(ErrorCode::kInvalid, "there is no controller's key");
  for (const auto item : keys) {
    FAULTLINE_TRY(const auto key, read_key("controller's key", item));
    if (std::ranges::find(controllers.keys, key) != controllers.keys.end()) {
      return fail(ErrorCode::kInvalid, "a controller's key is listed twice");
    }
    controllers.keys.push_back(key);
  }
  return controllers;
}

void write(schema::ControllerMessage::Builder root, const Boost& boost) {
  auto builder = root.initBoost();
  builder.setPlanRevision(boost.plan.value());
  builder.setLifeNs(to_wire(boost.life));
  auto flows = builder.initFlow(static_cast<unsigned>(boost.flows.size()));
  auto times = builder.initTimes(static_cast<unsigned>(boost.flows.size()));
  for (unsigned i = 0; i < flows.size(); ++i) {
    flows.set(i, boost.flows[i].flow);
    times.set(i, boost.flows[i].times);
  }
}

Result<ControllerMessage> read(schema::Boost::Reader reader) {
  Boost boost{.plan = PlanRevision{reader.getPlanRevision()}};
  FAULTLINE_TRY_STATUS(check_nonzero("plan revision", boost.plan.value()));
  FAULTLINE_TRY(boost.life, read_duration("life", reader.getLifeNs(), std::chrono::milliseconds{1},
                                          kBoostLifeMax));
  const auto flows = reader.getFlow();
  const auto times = reader.getTimes();
  FAULTLINE_TRY_STATUS(check_count("boosted flows", flows.size(), kPlanFlowsMax));
  if (flows.size() != times.size()) {
    return fail(ErrorCode::kInvalid, "the columns of a boost differ in length");
  }
  for (unsigned i = 0; i < flows.size(); ++i) {
    FAULTLINE_TRY_STATUS(check_range<std::uint16_t>("times", times[i], 2, kBoostTimesMax));
    if (i > 0 && flows[i] <= flows[i - 1]) {
      return fail(ErrorCode::kInvalid, "boosted flows are not ascending");
    }
    boost.flows.push_back({flows[i], times[i]});
  }
  return boost;
}

void write(schema::ControllerMessage::Builder root, const FactsAck& ack) {
  auto out = root.initFactsAck();
  out.setDigest(ack.digest);
  out.setAgain(ack.again);
}

void write(schema::ControllerMessage::Builder root, const TestRequest& request) {
  write_test(root.initTestRequest(), request);
}

void write(schema::ControllerMessage::Builder root, const RelayedAck& relayed) {
  auto builder = root.initRelayedAck();
  builder.setOrigin(to_wire(relayed.origin));
  builder.setSealed(to_wire(relayed.sealed));
}

// ---- both

template <typename Root, typename Message>
std::vector<std::byte> encode_message(const Message& message) {
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<Root>();
  std::visit([&](const auto& kind) { write(root, kind); }, message);
  return to_bytes(builder);
}

tl::unexpected<Error> unknown_kind(std::string_view what, unsigned kind) {
  return fail(ErrorCode::kUnsupported, fmt::format("{} of unknown kind {}", what, kind));
}

Result<ProbeMessage> read_probe_message(schema::ProbeMessage::Reader root) {
  switch (root.which()) {
    case schema::ProbeMessage::JOIN:
      return read(root.getJoin());
    case schema::ProbeMessage::HELLO:
      return read(root.getHello());
    case schema::ProbeMessage::HEARTBEAT:
      return read(root.getHeartbeat());
    case schema::ProbeMessage::PLAN_ACK:
      return read(root.getPlanAck());
    case schema::ProbeMessage::BATCH:
      return read(root.getBatch());
    case schema::ProbeMessage::GOODBYE:
      return read(root.getGoodbye());
    case schema::ProbeMessage::REKEY:
      return read(root.getRekey());
    case schema::ProbeMessage::CONTROLLERS_ACK:
      return read(root.getControllersAck());
    case schema::ProbeMessage::FACTS_UPDATE:
      return read(root.getFactsUpdate());
    case schema::ProbeMessage::TEST_PROGRESS:
      return read_test(root.getTestProgress());
    case schema::ProbeMessage::RELAYED:
      return read_relayed<Relayed>(root.getRelayed());
    case schema::ProbeMessage::NONE:
      break;
  }
  return unknown_kind("probe message", static_cast<unsigned>(root.which()));
}

Result<ControllerMessage> read_controller_message(schema::ControllerMessage::Reader root) {
  switch (root.which()) {
    case schema::ControllerMessage::JOINED:
      return read(root.getJoined());
    case schema::ControllerMessage::REFUSAL:
      return read(root.getRefusal());
    case schema::ControllerMessage::WELCOME:
      return read(root.getWelcome());
    case schema::ControllerMessage::HEARTBEAT_REPLY:
      return read(root.getHeartbeatReply());
    case schema::ControllerMessage::PLAN:
      return read_plan(root.getPlan());
    case schema::ControllerMessage::BATCH_ACK:
      return read(root.getBatchAck());
    case schema::ControllerMessage::REKEY_REQUEST:
      return RekeyRequest{};
    case schema::ControllerMessage::REKEYED:
      return read(root.getRekeyed());
    case schema::ControllerMessage::CONTROLLERS:
      return read(root.getControllers());
    case schema::ControllerMessage::BOOST:
      return read(root.getBoost());
    case schema::ControllerMessage::FACTS_ACK:
      return FactsAck{.digest = root.getFactsAck().getDigest(),
                      .again = root.getFactsAck().getAgain()};
    case schema::ControllerMessage::TEST_REQUEST:
      return read_test(root.getTestRequest());
    case schema::ControllerMessage::RELAYED_ACK:
      return read_relayed<RelayedAck>(root.getRelayedAck());
    case schema::ControllerMessage::NONE:
      break;
  }
  return unknown_kind("controller message", static_cast<unsigned>(root.which()));
}

}  // namespace

std::vector<std::byte> encode(const ProbeMessage& message) {
  return encode_message<schema::ProbeMessage>(message);
}

std::vector<std::byte> encode(const ControllerMessage& message) {
  return encode_message<schema::ControllerMessage>(message);
}

Result<ProbeMessage> decode_probe_message(std::span<const std::byte> bytes) {
  return read_message<schema::ProbeMessage, ProbeMessage>(bytes, kControlMessageMax,
                                                          "probe message", read_probe_message);
}

Result<ControllerMessage> decode_controller_message(std::span<const std::byte> bytes) {
  return read_message<schema::ControllerMessage, ControllerMessage>(
      bytes, kControlMessageMax, "controller message", read_controller_message);
}

}  // namespace faultline::wire
