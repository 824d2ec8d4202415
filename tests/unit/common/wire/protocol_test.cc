// What peers of different versions see of each other. These tests write messages that this build's
// encoders never make, so they use the generated builders.
#include "common/wire/message.h"
#include "control.capnp.h"
#include "mesh.capnp.h"
#include "tests/support/catch.h"
#include "tests/unit/common/wire/codecs.h"

namespace faultline::tests {
namespace {

// The discriminant of the union is the first 16 bits of the root's data section, which begins two
// words into the message (segment table, root pointer).
std::vector<std::byte> with_kind(std::vector<std::byte> bytes, std::uint16_t kind) {
  bytes.at(16) = static_cast<std::byte>(kind & 0xff);
  bytes.at(17) = static_cast<std::byte>(kind >> 8);
  return bytes;
}

TEST_CASE("a message kind of a newer peer is unsupported, not malformed", "[wire][protocol]") {
  const auto probe = wire::encode(ProbeMessage{Heartbeat{}});
  CHECK(wire::decode_probe_message(with_kind(probe, 77)).error() ==
        Error{ErrorCode::kUnsupported, "probe message of unknown kind 77"});
  const auto controller = wire::encode(ControllerMessage{HeartbeatReply{}});
  CHECK(wire::decode_controller_message(with_kind(controller, 78)).error() ==
        Error{ErrorCode::kUnsupported, "controller message of unknown kind 78"});
  const auto mesh = wire::encode(MeshMessage{TraceRequest{.request = 1, .source_port = 2}});
  CHECK(wire::decode_mesh_message(with_kind(mesh, 79)).error() ==
        Error{ErrorCode::kUnsupported, "mesh message of unknown kind 79"});
}

TEST_CASE("only a sealed mesh message may be large", "[wire][mesh]") {
  capnp::MallocMessageBuilder builder(wire::kMeshMessageMax);  // words: one segment
  builder.initRoot<wire::schema::MeshMessage>().initSealedBatch(wire::kMeshMessageMax);
  const auto large = wire::to_bytes(builder);
  CHECK(wire::decode_mesh_message(large));
  constexpr std::uint16_t kRelayRequest = 4;
  const auto other = wire::decode_mesh_message(with_kind(large, kRelayRequest));
  REQUIRE_FALSE(other);
  CHECK(other.error().code == ErrorCode::kLimit);
}

TEST_CASE("an answer of a newer peer about relaying reads as one that cannot", "[wire][mesh]") {
  capnp::MallocMessageBuilder builder;
  builder.initRoot<wire::schema::MeshMessage>().initRelayReply().setOutcome(3);
  CHECK(wire::decode_mesh_message(wire::to_bytes(builder)) == MeshMessage{RelayReply{}});
  const MeshMessage later = RelayReply{.outcome = RelayOutcome::kLater};
  CHECK(wire::decode_mesh_message(wire::encode(later)) == later);
}

TEST_CASE("an opening of another major version decodes to be refused by version, whatever follows",
          "[wire][protocol]") {
  capnp::MallocMessageBuilder builder;
  SECTION("hello") {
    auto hello = builder.initRoot<wire::schema::ProbeMessage>().initHello();
    hello.initProtocol().setMajor(2);
    hello.setSoftware("from the \x01 future");
    const auto decoded = wire::decode_probe_message(wire::to_bytes(builder));
    REQUIRE(decoded);
    CHECK(std::get<Hello>(*decoded).protocol_major == 2);
  }
  SECTION("join") {
    auto join = builder.initRoot<wire::schema::ProbeMessage>().initJoin();
    join.initProtocol().setMajor(9);
    const auto decoded = wire::decode_probe_message(wire::to_bytes(builder));
    REQUIRE(decoded);
    CHECK(std::get<Join>(*decoded).protocol_major == 9);
  }
  SECTION("welcome") {
    auto welcome = builder.initRoot<wire::schema::ControllerMessage>().initWelcome();
    welcome.initProtocol().setMajor(3);
    const auto decoded = wire::decode_controller_message(wire::to_bytes(builder));
    REQUIRE(decoded);
    CHECK(std::get<Welcome>(*decoded).protocol_major == 3);
  }
}

TEST_CASE("a refusal for a reason of a newer controller still reads as a refusal",
          "[wire][protocol]") {
  capnp::MallocMessageBuilder builder;
  auto refusal = builder.initRoot<wire::schema::ControllerMessage>().initRefusal();
  refusal.setReason(200);
  refusal.setText("not today");
  CHECK(wire::decode_controller_message(wire::to_bytes(builder)) ==
        ControllerMessage{Refusal{RefusalReason::kMalformed, "not today"}});
}

TEST_CASE("an outcome of a newer mesh peer reads as busy", "[wire][protocol]") {
  capnp::MallocMessageBuilder builder;
  auto reply = builder.initRoot<wire::schema::MeshMessage>().initTraceReply();
  reply.setRequest(5);
  reply.setOutcome(9);
  CHECK(wire::decode_mesh_message(wire::to_bytes(builder)) ==
        MeshMessage{TraceReply{.request = 5, .outcome = TraceOutcome::kBusy}});
}

TEST_CASE("free text is made printable and cut when encoded", "[wire]") {
  const std::string text = "line\nbreak" + std::string(1000, 'x');
  const auto decoded = wire::decode_controller_message(
      wire::encode(ControllerMessage{Refusal{RefusalReason::kMalformed, text}}));
  REQUIRE(decoded);
  CHECK(std::get<Refusal>(*decoded).text == "line?break" + std::string(502, 'x'));
}

TEST_CASE("text with control characters is refused: it would end in a log", "[wire]") {
  capnp::MallocMessageBuilder builder;
  builder.initRoot<wire::schema::ControllerMessage>().initRefusal().setText("\x1b[2J");
  CHECK(wire::decode_controller_message(wire::to_bytes(builder)).error() ==
        Error{ErrorCode::kInvalid, "text is a text with control characters"});
}

}  // namespace
}  // namespace faultline::tests
