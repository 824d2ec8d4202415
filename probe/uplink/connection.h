// Connection: one DEALER with CURVE to one server, and the task that receives from it.
//
// Why it exists: uplink and mesh both open and close such connections while the loop runs, and a
// socket may only die after its receiver has. Closing asks the receiver to end; the receiver holds
// the connection until it has. libzmq connects, and connects again, by itself; a message is taken
// only while the connection stands.
//
// Thread safety: none; the loop's thread owns it. `on_message` is called on the loop, never after
// close() and never from inside another function of Connection. Its bytes are not aligned and die
// with the call.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "common/async/asio.h"
#include "common/async/task_group.h"
#include "common/base/time.h"
#include "common/crypto/keys.h"
#include "common/zmq/link_options.h"
#include "common/zmq/zmq_socket.h"

namespace faultline::uplink {

// What every connection of a process shares; all of it outlives them.
struct Environment {
  async::asio::io_context& loop;
  async::TaskGroup& tasks;
  zmq::Context& context;
};

struct Server {
  std::string endpoint;  // "tcp://10.0.0.1:7400"
  PublicKey key;
};

class Connection {
 public:
  using MessageHandler = std::function<void(std::span<const std::byte>)>;

  [[nodiscard]] static Result<std::shared_ptr<Connection>> open(const Environment& environment,
                                                                const Server& server,
                                                                const crypto::KeyPair& own,
                                                                const zmq::LinkOptions& options,
                                                                MessageHandler on_message);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // What was sent still leaves, for so long at most.
  void close(Duration linger = Duration::zero());
  [[nodiscard]] zmq::SendOutcome try_send(std::span<const std::byte> body) {
    return socket_.try_send(body);
  }

 private:
  Connection(async::asio::io_context& loop, zmq::Socket socket, MessageHandler on_message);
  static async::awaitable<void> run(std::shared_ptr<Connection> self);
  static async::awaitable<void> closed(std::shared_ptr<Connection> self);

  zmq::ZmqSocket socket_;
  MessageHandler on_message_;
  async::asio::steady_timer closing_;  // never expires; cancelled by close()
  bool closed_ = false;
};

}  // namespace faultline::uplink
