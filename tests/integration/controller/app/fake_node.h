// Peer: a connection to the controller under one CURVE key. Node: a well-behaved node on one.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/async/task_group.h"
#include "common/model/control.h"
#include "common/model/report.h"
#include "common/wire/control_codec.h"
#include "common/zmq/zmq_socket.h"
#include "tests/integration/controller/app/stage.h"

namespace faultline::tests {

class Peer {
 public:
  Peer(Stage& stage, const crypto::KeyPair& keys);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  [[nodiscard]] const crypto::KeyPair& keys() const { return keys_; }
  [[nodiscard]] const PublicKey& key() const { return keys_.public_key; }

  // False while there is no connection.
  bool try_say(const ProbeMessage& message);
  // Waits for the connection.
  void say(const ProbeMessage& message) { say_bytes(wire::encode(message)); }
  void say_bytes(std::span<const std::byte> bytes);

  // What the controller said and nobody took yet.
  std::deque<ControllerMessage> inbox;
  // Everything that it said, as it came.
  std::vector<std::vector<std::byte>> frames;
  // The oldest of this kind; older ones of other kinds are dropped.
  template <typename Message>
  [[nodiscard]] std::optional<Message> take() {
    while (!inbox.empty()) {
      const auto message = std::move(inbox.front());
      inbox.pop_front();
      if (const auto* wanted = std::get_if<Message>(&message)) return *wanted;
    }
    return std::nullopt;
  }
  // Waits for it.
  template <typename Message>
  [[nodiscard]] Message hear() {
    std::optional<Message> message;
    stage_.wait_for("an answer", [&] { return (message = take<Message>()).has_value(); });
    return *std::move(message);
  }

 private:
  static async::awaitable<void> receive(Peer& self);

  Stage& stage_;
  crypto::KeyPair keys_;
  async::TaskGroup tasks_;
  std::optional<zmq::ZmqSocket> socket_;
};

// An open connection that nobody reads: for what a Peer would never send.
[[nodiscard]] zmq::Socket connect_raw(Stage& stage, const crypto::KeyPair& keys);

// The controller's default.
inline constexpr Duration kWindow = std::chrono::seconds{10};

[[nodiscard]] NodeProfile profile(const std::string& address, const std::string& rack);
[[nodiscard]] Hello hello(BootId boot, const NodeProfile& profile);
// Of window `number` after `base`; one flow with 10 packets sent.
[[nodiscard]] Report report(WallTime base, std::uint64_t number, NodeId target);
[[nodiscard]] Batch batch(BootId boot, std::uint64_t sequence, const Report& report);
[[nodiscard]] bool covers(const BatchAck& ack, BootId boot, std::uint64_t sequence);

class Node {
 public:
  // Joins with a token for `name` and says hello.
  Node(Stage& stage, const std::string& name, const std::string& address);

  [[nodiscard]] Peer& peer() { return peer_; }
  [[nodiscard]] NodeId id() const { return id_; }
  [[nodiscard]] BootId boot() const { return boot_; }

  // One heartbeat is answered and one new batch acknowledged; sent again, if need be.
  void expect_service();
  // Says hello until this controller, not one that died, has answered.
  void reconnect();

 private:
  Stage& stage_;
  const crypto::KeyPair keys_;
  const NodeProfile profile_;
  const NodeId id_;
  const BootId boot_;
  const WallTime base_;
  Peer peer_;  // connects when the key has been pinned: before, it would be refused
  std::uint64_t heartbeats_ = 0;
  std::uint64_t sequence_ = 0;
};

}  // namespace faultline::tests
