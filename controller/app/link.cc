#include "controller/app/link.h"

#include <utility>

#include "common/async/timer.h"
#include "common/obs/log.h"
#include "common/wire/control_codec.h"

namespace faultline::app {

using namespace async::asio::experimental::awaitable_operators;

namespace {

constexpr Duration kReopenInterval = std::chrono::milliseconds{10};

}  // namespace

ControllerLink::ControllerLink(async::asio::io_context& loop, ::zmq::socket_t server, Open open)
    : loop_(loop),
      open_(std::move(open)),
      socket_(std::make_unique<zmq::ZmqSocket>(loop, std::move(server))),
      closing_(loop, async::asio::steady_timer::time_point::max()) {}

void ControllerLink::open_again() {
  must_reopen_ = true;
  closing_.cancel();
}

async::awaitable<void> ControllerLink::wait_until_closing() {
  async::error_code ignored;
  co_await closing_.async_wait(async::asio::redirect_error(async::use_awaitable, ignored));
}

// libzmq gives the port back a moment after its socket was closed.
async::awaitable<void> ControllerLink::reopen() {
  must_reopen_ = false;
  malformed_before_ += socket_->counters().malformed.value();
  socket_.reset();
  routes_.clear();
  while (!socket_) {  // or until the task is cancelled
    if (auto opened = open_()) {
      socket_ = std::make_unique<zmq::ZmqSocket>(loop_, std::move(*opened));
    } else {
      counters_.reopen_retries.add();
      obs::log_debug("link", "{}", opened.error().context);
      co_await async::sleep_for(kReopenInterval);
    }
  }
}

async::awaitable<void> ControllerLink::run(Handler handler) {
  while (true) {  // until the task is cancelled
    if (must_reopen_) co_await reopen();
    auto outcome = co_await (socket_->receive() || wait_until_closing());
    if (outcome.index() == 1) continue;
    auto& received = std::get<0>(outcome);
    const PublicKey key = *received.sender;  // a ROUTER's messages always have one
    routes_[key] = std::move(received.route);
    auto message = wire::decode_probe_message(received.bytes());
    if (message) {
      handler(core::PeerMessage{key, std::move(received.peer_address), std::move(*message)});
    } else {
      handler(core::PeerGarbage{key, std::move(received.peer_address), std::move(message).error()});
    }
  }
}

std::uint64_t ControllerLink::frames_malformed() const {
  return malformed_before_ + (socket_ ? socket_->counters().malformed.value() : 0);
}

void ControllerLink::send(const PublicKey& to, const ControllerMessage& message) {
  const auto route = routes_.find(to);
  if (route == routes_.end() || !socket_) {
    counters_.unroutable.add();
    return;
  }
  switch (socket_->try_send_to(route->second, wire::encode(message))) {
    case zmq::SendOutcome::kSent:
      return;
    case zmq::SendOutcome::kFull:
      counters_.shed.add();
      return;
    case zmq::SendOutcome::kUnreachable:
      counters_.unroutable.add();
      routes_.erase(route);
      return;
  }
}

void ControllerLink::keep_only(const fleet::TrustTable& trusted) {
  std::erase_if(routes_, [&](const auto& route) { return !trusted.contains(route.first); });
}

}  // namespace faultline::app
