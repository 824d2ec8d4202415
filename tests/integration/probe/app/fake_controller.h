// FakeController: as much of a controller as a probe can see, over real TCP and CURVE.
//
// It pins the key of whoever joins with its token, welcomes, sends the plan that is set for a key,
// answers heartbeats, and keeps every batch. What it does not do, a test switches off.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/async/asio.h"
#include "common/async/clock.h"
#include "common/async/published.h"
#include "common/async/task_group.h"
#include "common/crypto/seal.h"
#include "common/crypto/token.h"
#include "common/wire/control_codec.h"
#include "common/wire/report_codec.h"
#include "common/zmq/link_options.h"
#include "common/zmq/zap_thread.h"
#include "common/zmq/zmq_socket.h"
#include "tests/support/catch.h"

namespace faultline::tests {

struct TakenBatch {
  PublicKey from;
  Batch batch;
  Report report;  // empty for a gap
  PublicKey by;   // who brought it for `from`; zero: it came itself
};

class FakeController {
 public:
  // `endpoint` "tcp://127.0.0.1:*" picks a free port. One that is to start again needs a port of
  // the test's own (find_ports): any connection of this machine may be given a free one meanwhile.
  explicit FakeController(crypto::KeyPair key, const std::string& endpoint = "tcp://127.0.0.1:*")
      : key_(std::move(key)),
        context_(zmq::make_context()),
        zap_(context_, trust_),
        tasks_(loop_, [](auto, auto) {}) {
    auto socket = zmq::make_server(context_, zap_, key_);
    REQUIRE(socket);
    auto bound = zmq::listen(*socket, endpoint);
    REQUIRE(bound);
    endpoint_ = *bound;
    router_ = std::make_unique<zmq::ZmqSocket>(loop_, std::move(*socket));
    tasks_.spawn("controller", receive(*this));
  }
  ~FakeController() {
    tasks_.stop();
    loop_.restart();
    while (tasks_.running() > 0) loop_.run_one();
  }
  FakeController(const FakeController&) = delete;
  FakeController& operator=(const FakeController&) = delete;

  // What it does.
  bool acknowledges = true;
  std::function<std::vector<std::byte>(const ControllerMessage&)> encode =
      [](const ControllerMessage& message) { return wire::encode(message); };
  std::map<PublicKey, Plan> plans;
  std::set<PublicKey> deaf_to;  // what these say is not heard, and so not answered

  // What it saw.
  std::vector<std::pair<PublicKey, ProbeMessage>> messages;
  std::vector<TakenBatch> batches;
  std::vector<std::vector<std::byte>> frames;  // all messages, as they came

  // A token that lets one node join as `node`.
  [[nodiscard]] std::string make_token(NodeId node) {
    const auto one_use = crypto::generate_key_pair();
    tokens_[one_use.public_key] = node;
    publish_trust();
    return crypto::format_token({.endpoints = {endpoint_},
                                 .controllers = {key_.public_key},
                                 .one_use = one_use.secret_key});
  }
  // Knows a node already, as after a restart.
  void pin(const PublicKey& key, NodeId node) {
    nodes_[key] = node;
    publish_trust();
  }
  [[nodiscard]] const std::map<PublicKey, NodeId>& nodes() const { return nodes_; }

  template <typename Message>
  [[nodiscard]] std::vector<Message> seen() const {
    std::vector<Message> result;
    for (const auto& [key, message] : messages) {
      if (const auto* kind = std::get_if<Message>(&message)) result.push_back(*kind);
    }
    return result;
  }

  // Who said hello, each as often as they did: a connection that breaks makes one more.
  [[nodiscard]] std::vector<PublicKey> greeters() const {
    std::vector<PublicKey> result;
    for (const auto& [key, message] : messages) {
      if (std::holds_alternative<Hello>(message)) result.push_back(key);
    }
    return result;
  }
  // Waits for a Hello under another key than these. The old one may come once more before it, where
  // the connection under the new one takes long.
  [[nodiscard]] PublicKey greeter_after(const PublicKey& old_key, const PublicKey& other = {}) {
    PublicKey found;
    REQUIRE(run_until([&] {
      for (const auto& key : greeters()) {
        if (key != old_key && key != other) found = key;
      }
      return found != PublicKey{};
    }));
    return found;
  }

  // Runs the loop until `done()`; false after a time that only a hang can take. (A probe that asks
  // its peers for help waits half a minute first, and a minute more where the first one could not.)
  template <typename Done>
  [[nodiscard]] bool run_until(Done done) {
    const auto guard = std::chrono::steady_clock::now() + std::chrono::seconds{240};
    loop_.restart();
    while (!done()) {
      if (std::chrono::steady_clock::now() > guard) return false;
      loop_.run_one_for(std::chrono::milliseconds{50});
    }
    return true;
  }

  void send_plan(const PublicKey& to) { send(to, plans.at(to)); }
  void send_bytes(const PublicKey& to, std::span<const std::byte> bytes) {
    static_cast<void>(router_->try_send_to(routes_[to], bytes));
  }
  void say(const PublicKey& to, const ControllerMessage& message) { send(to, message); }
  // As when a node was removed.
  void unpin(const PublicKey& key) {
    nodes_.erase(key);
    publish_trust();
  }
  [[nodiscard]] const PublicKey& key() const { return key_.public_key; }

 private:
  static async::awaitable<void> receive(FakeController& self) {
    for (;;) {
      const auto received = co_await self.router_->receive();
      self.frames.emplace_back(received.bytes().begin(), received.bytes().end());
      auto message = wire::decode_probe_message(received.bytes());
      if (!message) continue;
      if (self.deaf_to.contains(*received.sender)) continue;
      self.routes_[*received.sender] = received.route;
      self.messages.emplace_back(*received.sender, *message);
      std::visit([&](const auto& kind) { self.take(*received.sender, kind); }, *message);
    }
  }

  void take(const PublicKey& sender, const Join& join) {
    const auto token = tokens_.find(sender);
    if (token == tokens_.end()) return;
    pin(join.node_key, token->second);
    send(sender, Joined{.node = token->second, .name = name_of(token->second)});
  }
  void take(const PublicKey& sender, const Hello& hello) {
    const auto node = nodes_.find(sender);
    if (node == nodes_.end()) return send(sender, Refusal{RefusalReason::kUnknownKey, "who?"});
    const auto plan = plans.find(sender);
    const bool current = plan != plans.end() && hello.plan == plan->second.revision &&
                         hello.plan_hash == plan_hash(plan->second);
    send(sender, Welcome{.software = "fake 0.1.0",
                         .node = node->second,
                         .name = name_of(node->second),
                         .heartbeat_interval = std::chrono::seconds{5},
                         .plan_current = current});
    if (plan != plans.end() && !current) send(sender, plan->second);
  }
  void take(const PublicKey& sender, const Heartbeat& heartbeat) {
    send(sender, HeartbeatReply{.sequence = heartbeat.sequence,
                                .sent_at = heartbeat.sent_at,
                                .answered_at = async::now_wall()});
  }
  void take(const PublicKey& /*sender*/, const PlanAck& /*ack*/) {}
  void take(const PublicKey& /*sender*/, const Goodbye& /*goodbye*/) {}
  void take(const PublicKey& /*sender*/, const ControllersAck& /*ack*/) {}
  void take(const PublicKey& /*sender*/, const FactsUpdate& /*update*/) {}  // an older controller
  void take(const PublicKey& /*sender*/, const TestProgress& /*progress*/) {}
  void take(const PublicKey& sender, const Rekey& rekey) {
    pin(rekey.key, nodes_.at(sender));
    if (plans.contains(sender)) plans[rekey.key] = plans.at(sender);
    send(sender, Rekeyed{.key = rekey.key});
  }
  void take(const PublicKey& sender, const Batch& batch) {
    keep(sender, batch, {});
    if (acknowledges) send(sender, ack_of(batch));
  }
  void take(const PublicKey& sender, const Relayed& relayed) {
    const auto opened =
        crypto::open_seal(crypto::SealKind::kBatch, key_, relayed.origin, relayed.sealed);
    if (!opened) {
      FAIL_CHECK("what a probe sealed does not open");
      return;
    }
    const auto batch = std::get<Batch>(wire::decode_probe_message(*opened).value());
    keep(relayed.origin, batch, sender);
    auto ack = crypto::seal(crypto::SealKind::kBatchAck, key_, relayed.origin,
                            wire::encode(ControllerMessage{ack_of(batch)}));
    send(sender, RelayedAck{.origin = relayed.origin, .sealed = ack.value()});
  }
  [[nodiscard]] static BatchAck ack_of(const Batch& batch) {
    return {.boot = batch.boot, .durable = {{batch.first_sequence, batch.sequence}}, .credit = 8};
  }
  void keep(const PublicKey& from, const Batch& batch, const PublicKey& by) {
    TakenBatch taken{from, batch, {}, by};
    if (!batch.is_gap()) {
      auto report = wire::decode_report(batch.payload);
      if (!report) FAIL_CHECK("a probe sent a report that is refused: " << report.error().context);
      if (report) taken.report = *std::move(report);
    }
    batches.push_back(std::move(taken));
  }

  void send(const PublicKey& to, const ControllerMessage& message) {
    send_bytes(to, encode(message));
  }
  [[nodiscard]] static std::string name_of(NodeId node) {
    return "n" + std::to_string(node.value());
  }
  void publish_trust() {
    zmq::TrustTable table;
    for (const auto& [key, node] : tokens_) table[key] = {};
    for (const auto& [key, node] : nodes_) table[key] = {};
    trust_.publish(std::move(table));
  }

  const crypto::KeyPair key_;
  async::Published<zmq::TrustTable> trust_;
  zmq::Context context_;
  async::asio::io_context loop_;
  zmq::ZapThread zap_;
  async::TaskGroup tasks_;
  std::unique_ptr<zmq::ZmqSocket> router_;
  std::string endpoint_;
  std::map<PublicKey, NodeId> tokens_;
  std::map<PublicKey, NodeId> nodes_;
  std::map<PublicKey, std::string> routes_;
};

}  // namespace faultline::tests
