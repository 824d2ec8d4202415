// ZmqSocket: a ROUTER or DEALER whose messages a coroutine awaits. The only user of ZMQ_FD.
//
// ZMQ_FD does not mean "a message is there". It is edge-triggered: it becomes readable when the
// state *may* have changed, and any call on the socket, a send included, can swallow that edge.
// Invariants:
//  1. ZMQ_EVENTS is read before each wait: no wait begins while a message is there.
//  2. ZMQ_EVENTS is read after each send; if it shows a message and the receiver waits, the
//     receiver is woken by hand, because its edge may be gone.
//  3. After kMessagesPerYield messages in a row the receiver lets the rest of the loop run: a busy
//     peer must not starve the timers.
//
// A message is one body frame; any other number of frames is dropped and counted. On a ROUTER a
// message without an authenticated sender is too.
// Thread safety: none; the loop's thread owns it. One receive() at a time.
// Lifetime: no receive() may be pending when it is destroyed; the context outlives it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <zmq.hpp>

#include "common/async/asio.h"
#include "common/base/time.h"
#include "common/model/ids.h"
#include "common/obs/metrics.h"

namespace faultline::zmq {

inline constexpr int kMessagesPerYield = 64;

struct Received {
  std::string route;                // on a ROUTER: where an answer goes; valid for one connection
  std::optional<PublicKey> sender;  // on a ROUTER always set: the key that CURVE proved
  std::string peer_address;         // "10.0.0.1"; for log lines
  ::zmq::message_t body;

  // Not aligned: decoders copy.
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(body.data()), body.size()};
  }
};

enum class SendOutcome : std::uint8_t {
  kSent,        // queued for the peer; delivery is what acknowledgements are for
  kFull,        // the queue is full, or a client is not connected: shed or try later
  kUnreachable  // a ROUTER's peer has gone: forget the route
};

struct SocketCounters {
  obs::Counter received;
  obs::Counter sent;
  obs::Counter full;         // grows: a peer does not keep up, or is away
  obs::Counter unreachable;  // grows by one or so with each peer that goes
  obs::Counter malformed;    // above zero: something that is not Faultline talks to us
};

class ZmqSocket {
 public:
  ZmqSocket(async::asio::io_context& loop, ::zmq::socket_t socket);
  ~ZmqSocket();
  ZmqSocket(const ZmqSocket&) = delete;
  ZmqSocket& operator=(const ZmqSocket&) = delete;

  [[nodiscard]] async::awaitable<Received> receive();
  // For a DEALER.
  [[nodiscard]] SendOutcome try_send(std::span<const std::byte> body);
  // For a ROUTER; `route` is that of a received message.
  [[nodiscard]] SendOutcome try_send_to(std::string_view route, std::span<const std::byte> body);

  // What is queued still leaves after the destructor, for so long at most: the context's destructor
  // waits for it. Without, it is dropped.
  void linger(Duration at_most);

  [[nodiscard]] const SocketCounters& counters() const { return counters_; }

 private:
  [[nodiscard]] bool readable();
  [[nodiscard]] std::optional<::zmq::message_t> take_frame();
  [[nodiscard]] std::optional<Received> take_message();
  [[nodiscard]] SendOutcome finish_send(int error_number);

  ::zmq::socket_t socket_;
  const bool is_router_;
  async::asio::posix::stream_descriptor descriptor_;  // borrowed from socket_
  bool waiting_ = false;
  int taken_since_yield_ = 0;
  SocketCounters counters_;
};

}  // namespace faultline::zmq
