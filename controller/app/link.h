// ControllerLink: the ROUTER that probes connect to. Bytes become messages here and nowhere else.
//
// Why it exists: the core addresses nodes by key; ZeroMQ by connection. The link remembers the
// newest connection of each key, as CURVE proved it. When the controller changes its own key, the
// socket is replaced by one under the new key; whoever was connected connects again.
//
// Thread safety: none; lives on the loop. Bounds: one route per trusted key (the fleet bounds their
// number), and one per key that lost its trust and still talks on an open connection, until trust
// changes again; frames over kControlMessageMax never get here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
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
  obs::Counter reopen_retries;  // growing: somebody else has taken the port
  obs::Counter shed;            // at the high-water mark; trouble when it grows: the peer hangs
};

class ControllerLink {
 public:
  using Handler = std::function<void(core::Event)>;  // PeerMessage or PeerGarbage

  // A server under the key that is in force; kConflict while the port is still in use.
  using Open = std::function<Result<::zmq::socket_t>()>;

  ControllerLink(async::asio::io_context& loop, ::zmq::socket_t server, Open open);

  // Closes the server and opens another, as often as it takes. Messages meanwhile are unroutable.
  void open_again();
  // Receives until cancelled.
  [[nodiscard]] async::awaitable<void> run(Handler handler);
  void send(const PublicKey& to, const ControllerMessage& message);
  // Forgets the routes of all other keys: spent tokens, removed nodes.
  void keep_only(const fleet::TrustTable& trusted);

  [[nodiscard]] const LinkCounters& counters() const { return counters_; }
  [[nodiscard]] std::uint64_t frames_malformed() const;

 private:
  [[nodiscard]] async::awaitable<void> wait_until_closing();
  [[nodiscard]] async::awaitable<void> reopen();

  async::asio::io_context& loop_;
  const Open open_;
  std::unique_ptr<zmq::ZmqSocket> socket_;  // empty while it is opened again
  async::asio::steady_timer closing_;       // never expires; cancelled by open_again()
  bool must_reopen_ = false;
  std::uint64_t malformed_before_ = 0;  // of sockets that were replaced
  std::map<PublicKey, std::string> routes_;
  LinkCounters counters_;
};

}  // namespace faultline::app
