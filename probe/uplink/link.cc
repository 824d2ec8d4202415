#include "probe/uplink/link.h"

#include <utility>

#include "common/wire/control_codec.h"

namespace faultline::uplink {

zmq::LinkOptions controller_link_options() {
  zmq::LinkOptions options;
  options.queue_messages_max = 256;  // the credit for batches is far below
  options.reconnect_interval_max = std::chrono::seconds{2};
  return options;
}

Link::Link(Environment environment, zmq::LinkOptions options, EventHandler on_event)
    : environment_(environment), options_(options), on_event_(std::move(on_event)) {}

Link::~Link() { close(); }

Status Link::open(const Server& controller, const crypto::KeyPair& own, Duration handshake) {
  close();
  auto options = options_;
  options.handshake_timeout = handshake;
  auto on_message = [this](std::span<const std::byte> bytes) {
    counters_.received.add();
    on_event_(wire::decode_controller_message(bytes));
  };
  FAULTLINE_TRY(connection_, Connection::open(environment_, controller, own, options,  //
                                              std::move(on_message)));
  return {};
}

void Link::close(Duration linger) {
  if (connection_ == nullptr) return;
  connection_->close(linger);
  connection_.reset();
}

bool Link::send(const ProbeMessage& message) {
  if (connection_ == nullptr ||
      connection_->try_send(wire::encode(message)) != zmq::SendOutcome::kSent) {
    counters_.not_taken.add();
    return false;
  }
  counters_.sent.add();
  return true;
}

}  // namespace faultline::uplink
