// ControllerLink: the ROUTER that probes connect to. Bytes become messages here and nowhere else.
//
// Why it exists: the core addresses nodes by key; ZeroMQ by connection. The link remembers the
// newest connection of each key, as CURVE proved it.
//
// Thread safety: none; lives on the loop. Bounds: one route per trusted key (the fleet bounds their
// number), and one per key that lost its trust and still talks on an open connection, until trust
// changes again; frames over kControlMessageMax never get here.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "common/async/asio.h"
#include "common/base/result.h"
#include "common/model/control.h"
#include "common/obs/metrics.h"
#include "common/zmq/zmq_socket.h"
#include "controller/core/events.h"

namespace faultline::app {

struct LinkCounters {
  obs::Counter unroutable;  // messages for a key without a connection: normal while a node is away
  obs::Counter shed;        // at the high-water mark; trouble when it grows: the peer hangs
};

class ControllerLink {
 public:
  using Handler = std::function<void(core::Event)>;  // PeerMessage or PeerGarbage

  ControllerLink(async::asio::io_context& loop, ::zmq::socket_t server);

  // Receives until cancelled.
  [[nodiscard]] async::awaitable<void> run(Handler handler);
  void send(const PublicKey& to, const ControllerMessage& message);
  // Forgets the routes of all other keys: spent tokens, removed nodes.
  void keep_only(const fleet::TrustTable& trusted);

  [[nodiscard]] const LinkCounters& counters() const { return counters_; }
  [[nodiscard]] const zmq::SocketCounters& socket_counters() const { return socket_.counters(); }

 private:
  zmq::ZmqSocket socket_;
  std::map<PublicKey, std::string> routes_;
  LinkCounters counters_;
};

}  // namespace faultline::app
