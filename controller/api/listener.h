// Listener: accepts the connections of one listening socket, within limits.
//
// Why it exists: the unix socket and the TCP one differ in who may connect, not in how connections
// are counted. At connections_max it stops accepting: the others wait in the kernel's backlog. One
// address that holds per_address_max already is turned away, so that it cannot keep others out.
//
// Thread safety: none; it lives on the loop. Lifetime: the TaskGroup, the counters and the loop
// outlive it, and the group has been stopped and joined before it is destroyed.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>

#include "common/async/asio.h"
#include "common/async/task_group.h"
#include "controller/api/counters.h"

namespace faultline::api {

using StreamProtocol = async::asio::generic::stream_protocol;  // unix or TCP
using StreamSocket = StreamProtocol::socket;

struct ListenerLimits {
  std::size_t connections_max = 64;
  std::size_t per_address_max = 64;
};

class Listener {
 public:
  // Serves one connection to its end.
  using Serve = std::function<async::awaitable<void>(StreamSocket)>;
  // The peer's address, for per_address_max.
  using AddressOf = std::function<std::string(int descriptor)>;

  // Takes over the descriptor, of this address family, and begins to accept.
  Listener(async::asio::io_context& loop, int descriptor, int family, async::TaskGroup& tasks,
           ListenerLimits limits, HttpServerCounters& counters, AddressOf address_of, Serve serve);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

 private:
  class Slot;

  [[nodiscard]] async::awaitable<void> accept_all();
  [[nodiscard]] async::awaitable<void> serve_counted(StreamSocket socket, std::string address);
  void accepted(StreamSocket socket);

  async::asio::basic_socket_acceptor<StreamProtocol> acceptor_;
  async::TaskGroup& tasks_;
  const ListenerLimits limits_;
  HttpServerCounters& counters_;
  const AddressOf address_of_;
  const Serve serve_;
  std::size_t connections_ = 0;
  std::map<std::string, std::size_t> by_address_;
  async::asio::steady_timer slot_free_;  // never expires; cancelled when a connection ends
};

}  // namespace faultline::api
