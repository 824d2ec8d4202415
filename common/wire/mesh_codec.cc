#include "common/wire/mesh_codec.h"

#include "common/wire/fields.h"
#include "common/wire/message.h"
#include "mesh.capnp.h"

namespace faultline::wire {
namespace {

void write(schema::MeshMessage::Builder root, const MeshHello& hello) {
  write_protocol(root.initHello(), hello);
}

Result<MeshMessage> read(schema::Protocol::Reader reader) {
  MeshHello hello;
  read_protocol(reader, hello);
  return hello;
}

void write(schema::MeshMessage::Builder root, const TraceRequest& request) {
  auto builder = root.initTraceRequest();
  builder.setRequest(request.request);
  builder.setSourcePort(request.source_port);
}

Result<MeshMessage> read(schema::TraceRequest::Reader reader) {
  FAULTLINE_TRY_STATUS(check_nonzero("source port", reader.getSourcePort()));
  return TraceRequest{.request = reader.getRequest(), .source_port = reader.getSourcePort()};
}

void write(schema::MeshMessage::Builder root, const TraceReply& reply) {
  auto builder = root.initTraceReply();
  builder.setRequest(reply.request);
  builder.setOutcome(static_cast<std::uint8_t>(reply.outcome));
  builder.setComplete(reply.complete);
  builder.setEnded(static_cast<std::uint8_t>(reply.ended));
  auto hops = builder.initHops(static_cast<unsigned>(reply.hops.size()));
  for (unsigned i = 0; i < hops.size(); ++i) {
    if (reply.hops[i].address) hops.set(i, to_wire(*reply.hops[i].address));
  }
}

Result<MeshMessage> read(schema::TraceReply::Reader reader) {
  constexpr auto kOutcomeMax = static_cast<std::uint8_t>(TraceOutcome::kNotPermitted);
  TraceReply reply;
  reply.request = reader.getRequest();
  reply.outcome = reader.getOutcome() <= kOutcomeMax
                      ? static_cast<TraceOutcome>(reader.getOutcome())
                      : TraceOutcome::kBusy;
  reply.complete = reader.getComplete();
  reply.ended = read_path_end(reader.getEnded());
  const auto hops = reader.getHops();
  FAULTLINE_TRY_STATUS(check_count("hops", hops.size(), kPathHopsMax));
  for (const auto data : hops) {
    Hop hop;
    if (data.size() > 0) {
      FAULTLINE_TRY(hop.address, read_address("hop", data));
    }
    reply.hops.push_back(hop);
  }
  return reply;
}

void write(schema::MeshMessage::Builder root, const RelayRequest& /*request*/) {
  root.initRelayRequest();
}

void write(schema::MeshMessage::Builder root, const RelayReply& reply) {
  auto builder = root.initRelayReply();
  builder.setOutcome(static_cast<std::uint8_t>(reply.outcome));
  if (reply.outcome == RelayOutcome::kReady) builder.setController(to_wire(reply.controller));
}

Result<MeshMessage> read(schema::RelayReply::Reader reader) {
  RelayReply reply;
  const auto outcome = static_cast<RelayOutcome>(reader.getOutcome());
  if (outcome == RelayOutcome::kLater) reply.outcome = outcome;
  if (outcome != RelayOutcome::kReady) return reply;  // kCannot, or an answer of a newer peer
  reply.outcome = outcome;
  FAULTLINE_TRY(reply.controller, read_key("controller", reader.getController()));
  return reply;
}

void write(schema::MeshMessage::Builder root, const SealedBatch& batch) {
  root.setSealedBatch(to_wire(batch.sealed));
}

void write(schema::MeshMessage::Builder root, const SealedAck& ack) {
  root.setSealedAck(to_wire(ack.sealed));
}

template <typename Message>  // SealedBatch, SealedAck
Result<MeshMessage> read_as(capnp::Data::Reader data) {
  FAULTLINE_TRY(auto sealed, read_sealed(data));
  return Message{.sealed = std::move(sealed)};
}

void write(schema::SessionName::Builder builder, const SessionName& session) {
  builder.setSourcePort(session.source_port);
  builder.setSsid(session.ssid);
  builder.setAuthenticated(session.authenticated);
}

Result<SessionName> read(schema::SessionName::Reader reader) {
  FAULTLINE_TRY_STATUS(check_nonzero("source port", reader.getSourcePort()));
  FAULTLINE_TRY_STATUS(
      check_range<std::uint16_t>("session identifier", reader.getSsid(), 1, kSessionSsidMax));
  return SessionName{.source_port = reader.getSourcePort(),
                     .ssid = reader.getSsid(),
                     .authenticated = reader.getAuthenticated()};
}

void write(schema::MeshMessage::Builder root, const ReceiptsRequest& request) {
  auto builder = root.initReceiptsRequest();
  builder.setRequest(request.request);
  auto sessions = builder.initSessions(static_cast<unsigned>(request.sessions.size()));
  for (unsigned i = 0; i < sessions.size(); ++i) write(sessions[i], request.sessions[i]);
}

Result<MeshMessage> read(schema::ReceiptsRequest::Reader reader) {
  ReceiptsRequest request{.request = reader.getRequest()};
  FAULTLINE_TRY_STATUS(check_count("sessions", reader.getSessions().size(), kReceiptSessionsMax));
  FAULTLINE_TRY_STATUS(check_nonzero("sessions", reader.getSessions().size()));
  for (const auto name : reader.getSessions()) {
    FAULTLINE_TRY(auto session, read(name));
    request.sessions.push_back(session);
  }
  return request;
}

void write(schema::MeshMessage::Builder root, const Receipts& receipts) {
  auto builder = root.initReceipts();
  builder.setRequest(receipts.request);
  auto records = builder.initRecords(static_cast<unsigned>(receipts.records.size()));
  for (unsigned i = 0; i < records.size(); ++i) {
    const auto& record = receipts.records[i];
    write(records[i].initSession(), record.session);
    records[i].setFirst(record.first);
    records[i].setNewest(record.newest);
    records[i].setReceived(record.received[0]);
    records[i].setReceivedBefore(record.received[1]);
  }
}

Result<MeshMessage> read(schema::Receipts::Reader reader) {
  Receipts receipts{.request = reader.getRequest()};
  FAULTLINE_TRY_STATUS(check_count("records", reader.getRecords().size(), kReceiptSessionsMax));
  for (const auto record : reader.getRecords()) {
    FAULTLINE_TRY(auto session, read(record.getSession()));
    if ((record.getReceived() & 1) == 0) return out_of_range("received", "without the newest");
    receipts.records.push_back({.session = session,
                                .first = record.getFirst(),
                                .newest = record.getNewest(),
                                .received = {record.getReceived(), record.getReceivedBefore()}});
  }
  return receipts;
}

Result<MeshMessage> read_mesh_message(schema::MeshMessage::Reader root) {
  switch (root.which()) {
    case schema::MeshMessage::HELLO:
      return read(root.getHello());
    case schema::MeshMessage::TRACE_REQUEST:
      return read(root.getTraceRequest());
    case schema::MeshMessage::TRACE_REPLY:
      return read(root.getTraceReply());
    case schema::MeshMessage::RELAY_REQUEST:
      return RelayRequest{};
    case schema::MeshMessage::RELAY_REPLY:
      return read(root.getRelayReply());
    case schema::MeshMessage::SEALED_BATCH:
      return read_as<SealedBatch>(root.getSealedBatch());
    case schema::MeshMessage::SEALED_ACK:
      return read_as<SealedAck>(root.getSealedAck());
    case schema::MeshMessage::RECEIPTS_REQUEST:
      return read(root.getReceiptsRequest());
    case schema::MeshMessage::RECEIPTS:
      return read(root.getReceipts());
    case schema::MeshMessage::NONE:
      break;
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("mesh message of unknown kind {}", static_cast<unsigned>(root.which())));
}

bool is_sealed(const MeshMessage& message) {
  return std::holds_alternative<SealedBatch>(message) || std::holds_alternative<SealedAck>(message);
}

}  // namespace

std::vector<std::byte> encode(const MeshMessage& message) {
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::MeshMessage>();
  std::visit([&](const auto& kind) { write(root, kind); }, message);
  return to_bytes(builder);
}

Result<MeshMessage> decode_mesh_message(std::span<const std::byte> bytes) {
  auto message = read_message<schema::MeshMessage, MeshMessage>(bytes, kMeshSealedMax,
                                                                "mesh message", read_mesh_message);
  if (message && bytes.size() > kMeshMessageMax && !is_sealed(*message)) {
    return fail(ErrorCode::kLimit,
                fmt::format("mesh message: {} bytes, at most {}", bytes.size(), kMeshMessageMax));
  }
  return message;
}

}  // namespace faultline::wire
