// Probes of other versions at this controller. An old one sends what 1.0 sent, byte for byte, and
// reads by the schemas of 1.0; a future one sends what this build has never seen.
#include <signal.h>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "controller/store/keys.h"
#include "tests/corpus/frozen_schema.h"
#include "tests/integration/controller/app/fake_node.h"

namespace faultline::tests {
namespace {

using corpus::FrozenSchema;

// The one that the frozen Joins pin: bytes 1 to 32.
crypto::KeyPair replay_keys() {
  std::array<std::uint8_t, crypto::kSecretKeyBytes> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i + 1);
  const crypto::SecretKey secret{bytes};
  return {crypto::public_key_of(secret), secret};
}

std::vector<std::byte> frozen(const std::string& version, const std::string& file) {
  return corpus::load_bytes(corpus::corpus_directory() / version / "messages" / file);
}

// Joins as "replayed" with the frozen Join.
void join(Stage& stage, const std::string& version) {
  const auto token = stage.make_token("replayed");
  Peer peer(stage, {crypto::public_key_of(token.one_use), token.one_use});
  peer.say_bytes(frozen(version, "probe_join.bin"));
  CHECK(peer.hear<Joined>().name == "replayed");
}

std::string state_of(const Stage& stage, const std::string& name) {
  const auto document = stage.get("/api/v1/nodes");
  for (const auto& node : document.at("nodes")) {
    if (node.at("name") == name) return node.at("state");
  }
  return {};
}

void wait_for_state(Stage& stage, const std::string& name, const std::string& state) {
  stage.wait_for(name + " to be " + state, [&] { return state_of(stage, name) == state; });
}

void wait_for_ack(Peer& peer, std::uint64_t boot, std::uint64_t sequence) {
  while (!covers(peer.hear<BatchAck>(), BootId{boot}, sequence)) {
  }
}

TEST_CASE("a probe of protocol 1.0 joins, is planned for, and its results are acknowledged",
          "[controller][versions]") {
  Stage stage;
  stage.start();
  Node current(stage, "current", "127.0.0.2");
  join(stage, "1.0");
  Peer old(stage, replay_keys());
  old.say_bytes(frozen("1.0", "probe_hello.bin"));
  const auto welcome = old.hear<Welcome>();
  CHECK(welcome.name == "replayed");
  CHECK(welcome.capabilities == (kCapabilityTrace | kCapabilityMesh));  // what both have
  auto plan = old.hear<Plan>();
  while (plan.peers.empty()) plan = old.hear<Plan>();
  CHECK(plan.peers[0].node == current.id());
  old.say_bytes(frozen("1.0", "probe_plan_ack.bin"));
  old.say_bytes(frozen("1.0", "probe_heartbeat.bin"));
  CHECK(old.hear<HeartbeatReply>().sequence == 41);
  constexpr std::uint64_t kBoot = 0xfedcba9876543210;
  for (const auto* file : {"probe_batch.bin", "probe_batch_healthy.bin", "probe_batch_gap.bin"}) {
    old.say_bytes(frozen("1.0", file));
  }
  wait_for_ack(old, kBoot, 9);
  wait_for_state(stage, "replayed", "live");

  // It knew every kind that it was sent, and what it reads means the same to it as to us.
  const FrozenSchema schema(corpus::corpus_directory() / "1.0" / "schemas");
  CHECK(old.frames.size() >= 5);
  for (const auto& frame : old.frames) {
    CAPTURE(schema.read("controller", frame).dump());
    CHECK(schema.read("controller", frame).size() == 1);
  }
  const auto read = schema.read("controller", old.frames.front());
  CHECK(read.at("welcome").at("name") == "replayed");

  // It restarts as 1.0 did, without a word: its next hello has another boot id.
  auto hello = schema.read("probe", frozen("1.0", "probe_hello.bin"));
  hello["hello"]["boot"] = "78";
  old.say_bytes(schema.write("probe", hello));
  CHECK(old.hear<Welcome>().name == "replayed");
  stage.wait_for_metric("faultline_restarts_excused_total", 1);
  CHECK(stage.metric("faultline_messages_malformed_total") == 0);
  CHECK(stage.metric("faultline_messages_unknown_kind_total") == 0);
  CHECK(stage.end(SIGTERM).status == 0);
}

TEST_CASE("a probe of a later protocol works, and what is new about it is ignored and counted",
          "[controller][versions]") {
  Stage stage;
  stage.start();
  Node current(stage, "current", "127.0.0.2");
  join(stage, "future");
  Peer later(stage, replay_keys());
  later.say_bytes(frozen("future", "probe_hello.bin"));
  CHECK(later.hear<Welcome>().capabilities == kCapabilitiesOfThisBuild);
  later.say_bytes(frozen("future", "probe_telemetry.bin"));
  // Its clock is days behind ours: three messages settle by how much, and then its windows are moved.
  for (int i = 0; i < 3; ++i) {
    later.say_bytes(frozen("future", "probe_heartbeat.bin"));
    CHECK(later.hear<HeartbeatReply>().sequence == 41);
  }
  later.say_bytes(frozen("future", "probe_batch.bin"));
  wait_for_ack(later, 77, 1);
  wait_for_state(stage, "replayed", "live");
  stage.wait_for_metric("faultline_messages_unknown_kind_total", 1);

  later.say_bytes(frozen("future", "probe_goodbye.bin"));
  wait_for_state(stage, "replayed", "restarting");
  CHECK(stage.get("/api/v1/status").at("nodes").at("restarting") == 1);
  later.say(hello(BootId{79}, profile("127.0.0.9", "r7")));
  wait_for_state(stage, "replayed", "live");
  CHECK(stage.metric("faultline_messages_malformed_total") == 0);
  CHECK(stage.end(SIGTERM).status == 0);
}

TEST_CASE("a probe of another major protocol is told both versions and what to do",
          "[controller][versions]") {
  Stage stage;
  stage.start();
  join(stage, "1.0");
  Peer peer(stage, replay_keys());
  const FrozenSchema schema(corpus::corpus_directory() / "future" / "schemas");
  auto hello = schema.read("probe", frozen("future", "probe_hello.bin"));
  hello["hello"]["protocol"]["major"] = 2;
  peer.say_bytes(schema.write("probe", hello));
  const auto refusal = peer.hear<Refusal>();
  CHECK(refusal.reason == RefusalReason::kProtocolVersion);
  CHECK(refusal.text ==
        "the probe speaks protocol 2, this controller 1.1: upgrade the controller first");
  CHECK(stage.end(SIGTERM).status == 0);
}

TEST_CASE("a node that said goodbye is still known to be restarting by a new controller",
          "[controller][versions]") {
  Stage stage;
  stage.start();
  Node node(stage, "n", "127.0.0.2");
  node.expect_service();
  node.peer().say(Goodbye{.boot = node.boot(), .stopped_at = async::now_wall()});
  wait_for_state(stage, "n", "restarting");
  CHECK(stage.end(SIGTERM).status == 0);
  stage.start();
  wait_for_state(stage, "n", "restarting");
  CHECK(stage.end(SIGTERM).status == 0);
}

TEST_CASE("a controller starts on data of an older store format and goes on with it",
          "[controller][versions]") {
  const auto format = GENERATE(range(1U, store::kFormatVersion));
  CAPTURE(format);
  Stage stage;
  const auto data = stage.folder().path() / "data";
  std::filesystem::create_directory(data);
  std::filesystem::permissions(data, std::filesystem::perms::owner_all);
  const auto archive = corpus::corpus_directory() / fmt::format("store-format-{}.tar.gz", format);
  const auto command = fmt::format("tar -xzf {} -C {}", archive.string(), data.string());
  REQUIRE(std::system(command.c_str()) == 0);
  stage.start();
  CHECK(stage.get("/api/v1/nodes").at("nodes").size() == 2);
  CHECK(stage.get("/api/v1/status").at("incidents_open") == 1);
  CHECK(stage.end(SIGTERM).status == 0);
}

}  // namespace
}  // namespace faultline::tests
