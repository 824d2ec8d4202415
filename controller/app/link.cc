#include "controller/app/link.h"

#include <utility>

#include "common/wire/control_codec.h"

namespace faultline::app {

ControllerLink::ControllerLink(async::asio::io_context& loop, ::zmq::socket_t server)
    : socket_(loop, std::move(server)) {}

async::awaitable<void> ControllerLink::run(Handler handler) {
  while (true) {  // until the task is cancelled
    auto received = co_await socket_.receive();
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

void ControllerLink::send(const PublicKey& to, const ControllerMessage& message) {
  const auto route = routes_.find(to);
  if (route == routes_.end()) {
    counters_.unroutable.add();
    return;
  }
  switch (socket_.try_send_to(route->second, wire::encode(message))) {
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
