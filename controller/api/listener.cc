#include "controller/api/listener.h"

#include <utility>

#include "common/async/timer.h"
#include "common/obs/log.h"

namespace faultline::api {
namespace {

namespace asio = async::asio;
using async::awaitable;
using async::error_code;
using async::use_awaitable;

constexpr auto kAcceptRetry = std::chrono::milliseconds{100};

}  // namespace

// Counts the connection for as long as its coroutine lives.
class Listener::Slot {
 public:
  Slot(Listener& listener, std::string address)
      : listener_(listener), address_(std::move(address)) {
    ++listener_.connections_;
    ++listener_.by_address_[address_];
  }
  ~Slot() {
    --listener_.connections_;
    const auto held = listener_.by_address_.find(address_);
    if (--held->second == 0) listener_.by_address_.erase(held);
    listener_.slot_free_.cancel();
  }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

 private:
  Listener& listener_;
  const std::string address_;
};

Listener::Listener(asio::io_context& loop, int descriptor, int family, async::TaskGroup& tasks,
                   ListenerLimits limits, HttpServerCounters& counters, AddressOf address_of,
                   Serve serve)
    : acceptor_(loop, StreamProtocol(family, 0), descriptor),
      tasks_(tasks),
      limits_(limits),
      counters_(counters),
      address_of_(std::move(address_of)),
      serve_(std::move(serve)),
      slot_free_(loop, asio::steady_timer::time_point::max()) {
  tasks_.spawn("api", accept_all());
}

awaitable<void> Listener::accept_all() {
  while (acceptor_.is_open()) {
    if (connections_ >= limits_.connections_max) {
      counters_.connections_waited.add();
      error_code ignored;
      co_await slot_free_.async_wait(asio::redirect_error(use_awaitable, ignored));
      continue;
    }
    error_code error;
    auto socket = co_await acceptor_.async_accept(asio::redirect_error(use_awaitable, error));
    if (!error) {
      accepted(std::move(socket));
    } else if (error == asio::error::operation_aborted) {
      co_return;
    } else {
      obs::log_warning("api", "cannot accept a connection: {}", error.message());
      co_await async::sleep_for(kAcceptRetry);
    }
  }
}

void Listener::accepted(StreamSocket socket) {
  auto address = address_of_(socket.native_handle());
  const auto held = by_address_.find(address);
  if (held != by_address_.end() && held->second >= limits_.per_address_max) {
    counters_.connections_refused.add();
    return;  // closes it
  }
  counters_.connections.add();
  tasks_.spawn("api connection", serve_counted(std::move(socket), std::move(address)));
}

awaitable<void> Listener::serve_counted(StreamSocket socket, std::string address) {
  const Slot slot(*this, std::move(address));
  co_await serve_(std::move(socket));
}

}  // namespace faultline::api
