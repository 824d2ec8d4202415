// A probe's keys on its disk, and on the mesh: what it prints, what it takes over, whom it hears.
#include <signal.h>

#include <algorithm>
#include <fstream>

#include "common/crypto/key_file.h"
#include "common/wire/mesh_codec.h"
#include "tests/integration/probe/app/fake_controller.h"
#include "tests/integration/probe/app/probe_process.h"

namespace faultline::tests {
namespace {

namespace fs = std::filesystem;

TEST_CASE("a probe prints its public key, makes it once, and shows nothing else", "[probe][keys]") {
  const Folder folder;
  const auto config = (folder.path() / "probe.yaml").string();
  std::ofstream(config) << "address: 127.0.0.1\nstate_dir: " << (folder.path() / "state").string()
                        << "\n";
  const auto first = run_probe({"--config", config, "--print-key"});
  CHECK(first.status == 0);
  const auto keys = crypto::load_key_pair(folder.path() / "state" / "node.key");
  REQUIRE(keys);
  CHECK(first.errors == to_string(keys->public_key) + "\n");
  CHECK(run_probe({"--config", config, "--print-key"}).errors == first.errors);
}

TEST_CASE("a probe changes its key on disk when the controller has welcomed the new one",
          "[probe][keys]") {
  const Folder folder;
  FakeController controller{crypto::generate_key_pair()};
  const auto ports = find_ports();
  ProbeOptions options{
      .folder = folder.path(), .token = controller.make_token(NodeId{1}), .port_base = ports};
  ProbeProcess probe{options};
  REQUIRE(controller.run_until([&] { return !controller.seen<Heartbeat>().empty(); }));
  const auto old_key = controller.nodes().begin()->first;
  const auto key_file = folder.path() / "state" / "node.key";
  CHECK(crypto::load_key_pair(key_file)->public_key == old_key);

  controller.say(old_key, RekeyRequest{});
  const auto new_key = controller.greeter_after(old_key);
  const auto rekeys = controller.seen<Rekey>();
  CHECK_FALSE(rekeys.empty());
  CHECK(std::ranges::count(rekeys, Rekey{.key = new_key}) == std::ssize(rekeys));
  REQUIRE(
      controller.run_until([&] { return !fs::exists(folder.path() / "state" / "node.next.key"); }));
  CHECK(crypto::load_key_pair(key_file)->public_key == new_key);
  CHECK(probe.end(SIGTERM).status == 0);

  // The next process knows the new one only.
  controller.unpin(old_key);
  options.token.clear();
  controller.messages.clear();
  ProbeProcess again{options};
  REQUIRE(controller.run_until([&] { return !controller.greeters().empty(); }));
  CHECK(controller.greeters().front() == new_key);
  CHECK(again.end(SIGTERM).status == 0);
}

TEST_CASE("a probe that was killed between the two key files gets in with the second",
          "[probe][keys]") {
  const Folder folder;
  FakeController controller{crypto::generate_key_pair()};
  ProbeOptions options{.folder = folder.path(),
                       .token = controller.make_token(NodeId{1}),
                       .port_base = find_ports()};
  {
    ProbeProcess probe{options};
    REQUIRE(controller.run_until([&] {
      return !controller.seen<Hello>().empty() &&
             fs::exists(folder.path() / "state" / "membership.yaml");
    }));
  }
  const auto old_key = controller.nodes().begin()->first;
  const auto next = crypto::generate_key_pair();
  REQUIRE(crypto::save_key_pair(folder.path() / "state" / "node.next.key", next));
  controller.pin(next.public_key, NodeId{1});
  controller.unpin(old_key);
  options.token.clear();  // with it, it could join anew
  ProbeProcess probe{options};
  REQUIRE(controller.run_until([&] {
    return !controller.messages.empty() && controller.messages.back().first == next.public_key;
  }));
  REQUIRE(
      controller.run_until([&] { return !fs::exists(folder.path() / "state" / "node.next.key"); }));
  CHECK(crypto::load_key_pair(folder.path() / "state" / "node.key")->public_key == next.public_key);
  CHECK(probe.end(SIGTERM).status == 0);
}

// One key's connection to a probe's mesh port, as another probe would make it.
class MeshClient {
 public:
  MeshClient(const crypto::KeyPair& own, const PublicKey& server, std::uint16_t port)
      : context_(zmq::make_context()),
        socket_(*zmq::make_client(context_, own, server,
                                  {.handshake_timeout = std::chrono::milliseconds{300}})) {
    REQUIRE(zmq::connect(socket_, "tcp://127.0.0.1:" + std::to_string(port)));
  }
  bool ask(std::uint64_t request, std::uint16_t source_port) {
    const auto bytes =
        wire::encode(MeshMessage{TraceRequest{.request = request, .source_port = source_port}});
    return socket_.send(::zmq::buffer(bytes.data(), bytes.size()), ::zmq::send_flags::dontwait)
        .has_value();
  }
  std::optional<TraceReply> reply() {
    ::zmq::message_t message;
    if (!socket_.recv(message, ::zmq::recv_flags::dontwait)) return std::nullopt;
    const auto decoded =
        wire::decode_mesh_message({static_cast<const std::byte*>(message.data()), message.size()});
    REQUIRE(decoded);
    return std::get<TraceReply>(*decoded);
  }

 private:
  zmq::Context context_;
  zmq::Socket socket_;
};

TEST_CASE("a revoked peer is not heard on its open mesh connection, nor let in again",
          "[probe][keys]") {
  const Folder folder;
  FakeController controller{crypto::generate_key_pair()};
  const auto ports = find_ports();
  ProbeProcess probe{
      {.folder = folder.path(), .token = controller.make_token(NodeId{1}), .port_base = ports}};
  REQUIRE(controller.run_until([&] { return !controller.seen<Hello>().empty(); }));
  const auto key = controller.nodes().begin()->first;
  const auto good = crypto::generate_key_pair();
  const auto bad = crypto::generate_key_pair();
  const auto peer = [&](std::uint32_t node, const PublicKey& peer_key) {
    return PlanPeer{.node = NodeId{node},
                    .name = "n" + std::to_string(node),
                    .address = IpAddress::v4(0x7f000000 + node),
                    .reflector_port = 9,
                    .key = peer_key};
  };
  Plan plan{.revision = PlanRevision{1}, .node = NodeId{1}};
  plan.traces_per_second = 100;
  plan.peers = {peer(2, good.public_key), peer(3, bad.public_key)};
  controller.plans[key] = plan;
  controller.send_plan(key);
  REQUIRE(controller.run_until([&] { return !controller.seen<PlanAck>().empty(); }));

  const auto mesh_port = static_cast<std::uint16_t>(ports + 3);
  MeshClient good_client{good, key, mesh_port};
  MeshClient bad_client{bad, key, mesh_port};
  const auto answered = [&](MeshClient& client, std::uint64_t request) {
    REQUIRE(controller.run_until([&] { return client.ask(request, ports); }));
    return controller.run_until([&] { return client.reply().has_value(); });
  };
  CHECK(answered(good_client, 1));
  CHECK(answered(bad_client, 1));

  plan.revision = PlanRevision{2};
  plan.peers.pop_back();
  controller.plans[key] = plan;
  controller.send_plan(key);
  REQUIRE(controller.run_until(
      [&] { return controller.seen<PlanAck>().back().revision == plan.revision; }));
  CHECK(bad_client.ask(2, ports));  // its connection is still open
  CHECK(answered(good_client, 2));  // asked later, and answered
  CHECK_FALSE(bad_client.reply().has_value());
  MeshClient again{bad, key, mesh_port};
  CHECK(controller.run_until(
      [&] { return probe.log_holds("refused 127.0.0.1 with key " + short_name(bad.public_key)); }));
  CHECK(answered(good_client, 3));
  CHECK_FALSE(again.ask(3, ports));
  CHECK(probe.end(SIGTERM).status == 0);
}

}  // namespace
}  // namespace faultline::tests
