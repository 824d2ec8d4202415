// Mesh: messages to and from other probes.
//
// One ROUTER takes connections of peers; connections to peers (DEALERs) are made when there is
// something to say, at most kDialedMax at a time, and closed when nothing was said for
// kIdleMax. Either side's connection carries requests of both: an open one is always used before a
// new one is made. Who is trusted is the plan's peer list (the ZAP thread refuses all others at the
// handshake, the core checks each message); a sender is who CURVE says it is.
//
// What a connection that is not up yet cannot take waits, at most kOutboxMax messages per peer;
// tick() tries again, and drops what is older than kOutboxAge.
//
// Keys: a peer that changes its key has two in the plan, and is trusted under both; a connection to
// it that does not come up under one is tried under the other, and what waits goes along. When this
// node changes its own (rekey), every connection is made again under the new one.
//
// Thread safety: none; the loop's thread owns it. `on_event` is called on the loop, never from
// inside another function of Mesh, which may therefore be called from it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/model/mesh.h"
#include "common/model/plan.h"
#include "common/obs/metrics.h"
#include "common/zmq/zap_thread.h"
#include "probe/uplink/connection.h"

namespace faultline::mesh {

inline constexpr std::size_t kDialedMax = 64;  // beyond it the one used longest ago is closed
inline constexpr Duration kIdleMax = std::chrono::minutes{5};
inline constexpr std::size_t kOutboxMax = 32;  // beyond it send() says false
inline constexpr Duration kOutboxAge = std::chrono::seconds{20};
// How long messages wait for a connection before the peer's other key is tried.
inline constexpr Duration kOtherKeyAfter = std::chrono::seconds{2};

[[nodiscard]] zmq::LinkOptions mesh_link_options();

// Those marked (*) mean trouble when they grow.
struct MeshCounters {
  obs::Counter received;
  obs::Counter sent;
  obs::Counter dialed;
  obs::Counter dial_failures;   // (*)
  obs::Counter evicted;         // (*) closed for want of room
  obs::Counter outbox_full;     // (*) a peer cannot be reached
  obs::Counter outbox_expired;  // (*) likewise
  obs::Counter other_key;       // connections tried under a peer's other key
  obs::Counter listen_retries;  // of listening again after rekey(); growing: the port is taken
  obs::Counter no_way;          // peers that accept no connection and made none
};

class Mesh {
 public:
  // A message of a peer, or why it could not be decoded.
  using EventHandler = std::function<void(const PublicKey& sender, Result<MeshMessage>)>;

  Mesh(uplink::Environment environment, crypto::KeyPair own, EventHandler on_event);
  ~Mesh();
  Mesh(const Mesh&) = delete;
  Mesh& operator=(const Mesh&) = delete;

  // Takes connections at "tcp://ADDRESS:PORT"; returns the endpoint with the port chosen for "*".
  [[nodiscard]] Result<std::string> listen(const zmq::ZapThread& zap, const std::string& endpoint);
  // This node's key is another from now on. Listens again as soon as the old listener is gone,
  // which tick() sees to.
  void rekey(Instant now, crypto::KeyPair own);
  // Who the peers are from now on. Connections to those who left, or moved, are closed.
  void set_peers(Instant now, std::shared_ptr<const Plan> plan);
  // False: the peer is unknown or cannot be reached now.
  [[nodiscard]] bool send(Instant now, NodeId to, const MeshMessage& message);
  void tick(Instant now);

  [[nodiscard]] std::size_t connections_dialed() const { return dialed_.size(); }
  [[nodiscard]] const MeshCounters& counters() const { return counters_; }

 private:
  struct Waiting {
    std::vector<std::byte> body;
    Instant since{};
  };
  struct Dialed {
    std::shared_ptr<uplink::Connection> connection;
    PublicKey key;  // of the peer
    Instant dialed_at{};
    Instant used_at{};
    std::deque<Waiting> outbox;
  };

  // The ROUTER, for as long as it is wanted and its task runs.
  struct Listener {
    Listener(async::asio::io_context& loop, zmq::Socket server);
    zmq::ZmqSocket socket;
    async::asio::steady_timer closing;  // never expires; cancelled to close
    bool closed = false;
  };

  static async::awaitable<void> receive(Mesh& mesh, std::shared_ptr<Listener> listener);
  static async::awaitable<void> closed(std::shared_ptr<Listener> listener);
  [[nodiscard]] Result<std::string> open_listener(const std::string& endpoint);
  void close_listener();
  void take(const PublicKey& sender, std::span<const std::byte> bytes);
  [[nodiscard]] const PlanPeer* find_peer(NodeId node) const;
  [[nodiscard]] bool send_inbound(NodeId to, std::span<const std::byte> body);
  [[nodiscard]] bool dial(Instant now, const PlanPeer& peer);
  // Whatever waits for the peer goes along. False: not dialed any more.
  [[nodiscard]] bool redial(Instant now, const PlanPeer& peer, const PublicKey& key);
  [[nodiscard]] std::shared_ptr<uplink::Connection> connect(const PlanPeer& peer,
                                                            const PublicKey& key);
  void make_room();
  [[nodiscard]] bool queue(Instant now, Dialed& dialed, std::vector<std::byte> body);
  void flush(Instant now, Dialed& dialed);
  void hang_up(std::map<NodeId, Dialed>::iterator dialed);

  uplink::Environment environment_;
  crypto::KeyPair own_;
  const EventHandler on_event_;
  std::shared_ptr<const Plan> plan_;
  std::map<NodeId, std::size_t> peers_;  // index into the plan
  std::map<PublicKey, NodeId> nodes_;    // of the peers
  const zmq::ZapThread* zap_ = nullptr;
  std::string listen_endpoint_;           // empty: takes no connections
  std::shared_ptr<Listener> listener_;    // empty though it has an endpoint: tick() opens it
  std::map<NodeId, std::string> routes_;  // connections that peers made, by their last message
  std::map<NodeId, Dialed> dialed_;       // connections to peers
  MeshCounters counters_;
};

}  // namespace faultline::mesh
