#include "tests/integration/controller/app/fake_node.h"

#include <algorithm>

#include "common/async/clock.h"
#include "common/crypto/random.h"
#include "common/wire/report_codec.h"

namespace faultline::tests {
namespace {

using std::chrono::milliseconds;

// As a probe does. Of a node whose only heartbeat was seconds on its way nothing is taken in: its
// clock seems to be wrong.
constexpr Duration kResendAfter = std::chrono::seconds{10};

zmq::Socket make_socket(Stage& stage, const crypto::KeyPair& keys) {
  auto socket = zmq::make_client(
      stage.context(), keys, stage.controller_key(),
      {.reconnect_interval = milliseconds{20}, .reconnect_interval_max = milliseconds{200}});
  REQUIRE(socket);
  REQUIRE(zmq::connect(*socket, stage.endpoint()));
  return std::move(*socket);
}

NodeId join(Stage& stage, const std::string& name, const PublicKey& key,
            const NodeProfile& profile) {
  const auto token = stage.make_token(name);
  Peer peer(stage, {crypto::public_key_of(token.one_use), token.one_use});
  peer.say(Join{.node_key = key, .profile = profile});
  const auto joined = peer.hear<Joined>();
  CHECK(joined.name == name);
  return joined.node;
}

}  // namespace

Peer::Peer(Stage& stage, const crypto::KeyPair& keys)
    : stage_(stage), keys_(keys), tasks_(stage.loop(), [](auto, auto) {}) {
  socket_.emplace(stage.loop(), make_socket(stage, keys));
  tasks_.spawn("peer", receive(*this));
}

Peer::~Peer() {
  tasks_.stop();
  stage_.loop().restart();
  while (tasks_.running() > 0) stage_.loop().run_one();
}

async::awaitable<void> Peer::receive(Peer& self) {
  while (true) {  // until the task is cancelled
    const auto received = co_await self.socket_->receive();
    self.frames.emplace_back(received.bytes().begin(), received.bytes().end());
    auto message = wire::decode_controller_message(received.bytes());
    if (!message) FAIL_CHECK("the controller sent garbage: " << message.error().context);
    if (message) self.inbox.push_back(*std::move(message));
  }
}

bool Peer::try_say(const ProbeMessage& message) {
  return socket_->try_send(wire::encode(message)) == zmq::SendOutcome::kSent;
}

void Peer::say_bytes(std::span<const std::byte> bytes) {
  stage_.wait_for("a connection",
                  [&] { return socket_->try_send(bytes) == zmq::SendOutcome::kSent; });
}

zmq::Socket connect_raw(Stage& stage, const crypto::KeyPair& keys) {
  return make_socket(stage, keys);
}

NodeProfile profile(const std::string& address, const std::string& rack) {
  return {.labels = {{"rack", rack}},
          .address = *IpAddress::parse(address),
          .source_port_first = 61'000,
          .source_port_count = 4};
}

Hello hello(BootId boot, const NodeProfile& profile) {
  return {.software = "fake-probe 1", .boot = boot, .profile = profile};
}

Report report(WallTime base, std::uint64_t number, NodeId target) {
  Report report;
  report.window_start = base + kWindow * static_cast<std::int64_t>(number);
  report.window = kWindow;
  report.flows = {{.target = target,
                   .source_port = 61'000,
                   .sent = 10,
                   .rtt_min_ns = 1000,
                   .rtt_mean_ns = 2000,
                   .rtt_max_ns = 3000}};
  return report;
}

Batch batch(BootId boot, std::uint64_t sequence, const Report& report) {
  return {.boot = boot,
          .first_sequence = sequence,
          .sequence = sequence,
          .payload = wire::encode(report)};
}

bool covers(const BatchAck& ack, BootId boot, std::uint64_t sequence) {
  return ack.boot == boot && std::ranges::any_of(ack.durable, [&](const auto& interval) {
           return interval.first <= sequence && sequence <= interval.last;
         });
}

Node::Node(Stage& stage, const std::string& name, const std::string& address)
    : stage_(stage),
      keys_(crypto::generate_key_pair()),
      profile_(profile(address, "rack-" + name)),
      id_(join(stage, name, keys_.public_key, profile_)),
      boot_(crypto::random_u64()),
      base_(window_start(async::now_wall(), kWindow) - std::chrono::minutes{10}),
      peer_(stage, keys_) {
  peer_.say(hello(boot_, profile_));
  CHECK(peer_.hear<Welcome>().node == id_);
  peer_.say(ControllersAck{.revision = peer_.hear<Controllers>().revision});
}

void Node::expect_service() {
  peer_.inbox.clear();
  const auto beat = [&] {
    peer_.say(Heartbeat{.sequence = ++heartbeats_, .sent_at = async::now_wall()});
  };
  beat();
  while (peer_.hear<HeartbeatReply>().sequence != heartbeats_) {
  }
  ++sequence_;
  const auto measured = batch(boot_, sequence_, report(base_, sequence_, NodeId{id_.value() + 1}));
  peer_.say(measured);
  auto again = async::now_instant() + kResendAfter;
  stage_.wait_for("an acknowledgement", [&] {
    while (const auto ack = peer_.take<BatchAck>()) {
      if (covers(*ack, boot_, sequence_)) return true;
    }
    if (async::now_instant() >= again) {
      beat();
      peer_.say(measured);
      again = async::now_instant() + kResendAfter;
    }
    return false;
  });
}

void Node::reconnect() {
  const auto first_new = heartbeats_ + 1;
  stage_.wait_for("the restarted controller", [&] {
    while (const auto reply = peer_.take<HeartbeatReply>()) {
      if (reply->sequence >= first_new) return true;
    }
    if (peer_.try_say(hello(boot_, profile_))) {
      peer_.try_say(Heartbeat{.sequence = ++heartbeats_, .sent_at = async::now_wall()});
    }
    return false;
  });
}

}  // namespace faultline::tests
