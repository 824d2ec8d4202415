#include "probe/uplink/connection.h"

#include <utility>
#include <variant>

namespace faultline::uplink {

using namespace async::asio::experimental::awaitable_operators;

Result<std::shared_ptr<Connection>> Connection::open(const Environment& environment,
                                                     const Server& server,
                                                     const crypto::KeyPair& own,
                                                     const zmq::LinkOptions& options,
                                                     MessageHandler on_message) {
  FAULTLINE_TRY(auto socket, zmq::make_client(environment.context, own, server.key, options));
  FAULTLINE_TRY_STATUS(zmq::connect(socket, server.endpoint));
  std::shared_ptr<Connection> connection{
      new Connection(environment.loop, std::move(socket), std::move(on_message))};
  environment.tasks.spawn("receive " + server.endpoint, run(connection));
  return connection;
}

Connection::Connection(async::asio::io_context& loop, zmq::Socket socket, MessageHandler on_message)
    : socket_(loop, std::move(socket)),
      on_message_(std::move(on_message)),
      closing_(loop, async::asio::steady_timer::time_point::max()) {}

void Connection::close(Duration linger) {
  closed_ = true;
  socket_.linger(linger);
  closing_.cancel();
}

async::awaitable<void> Connection::closed(std::shared_ptr<Connection> self) {
  async::error_code ignored;
  co_await self->closing_.async_wait(async::asio::redirect_error(async::use_awaitable, ignored));
}

async::awaitable<void> Connection::run(std::shared_ptr<Connection> self) {
  while (!self->closed_) {
    auto outcome = co_await (self->socket_.receive() || closed(self));
    if (self->closed_ || outcome.index() == 1) break;
    self->on_message_(std::get<0>(outcome).bytes());
  }
}

}  // namespace faultline::uplink
