#include "common/zmq/zmq_socket.h"

#include <cerrno>
#include <utility>

#include "common/async/timer.h"
#include "common/base/check.h"
#include "common/zmq/peer_address.h"

namespace faultline::zmq {
namespace {

using async::asio::posix::stream_descriptor;

// Metadata of a message; <zmq.h> names them for draft builds only.
constexpr const char* kUserId = "User-Id";
constexpr const char* kPeerAddress = "Peer-Address";

// Zero or errno. A signal may interrupt any call, even one that does not wait.
template <typename Call>
int call(Call&& libzmq_call) {
  while (libzmq_call() < 0) {
    if (const int error_number = ::zmq_errno(); error_number != EINTR) return error_number;
  }
  return 0;
}

int send_frame(::zmq::socket_t& socket, const void* data, std::size_t size, int flags) {
  return call([&] { return ::zmq_send(socket.handle(), data, size, flags | ZMQ_DONTWAIT); });
}

std::string_view property(const ::zmq::message_t& message, const char* name) {
  const char* value = ::zmq_msg_gets(message.handle(), name);
  return value == nullptr ? std::string_view{} : std::string_view{value};
}

}  // namespace

ZmqSocket::ZmqSocket(async::asio::io_context& loop, ::zmq::socket_t socket)
    : socket_(std::move(socket)),
      is_router_(socket_.get(::zmq::sockopt::type) == ZMQ_ROUTER),
      descriptor_(loop, socket_.get(::zmq::sockopt::fd)) {}

ZmqSocket::~ZmqSocket() { descriptor_.release(); }  // libzmq closes it

async::awaitable<Received> ZmqSocket::receive() {
  for (;;) {
    if (++taken_since_yield_ > kMessagesPerYield) {
      taken_since_yield_ = 1;
      co_await async::yield();
    }
    if (auto message = take_message()) co_return *std::move(message);
    if (readable()) continue;
    waiting_ = true;
    async::error_code ignored;  // woken by finish_send(); a cancelled task throws at its next wait
    co_await descriptor_.async_wait(stream_descriptor::wait_read,
                                    async::asio::redirect_error(async::use_awaitable, ignored));
    waiting_ = false;
    taken_since_yield_ = 0;
  }
}

SendOutcome ZmqSocket::try_send(std::span<const std::byte> body) {
  FAULTLINE_CHECK(!is_router_, "a ROUTER sends to a route");
  return finish_send(send_frame(socket_, body.data(), body.size(), 0));
}

SendOutcome ZmqSocket::try_send_to(std::string_view route, std::span<const std::byte> body) {
  FAULTLINE_CHECK(is_router_, "a DEALER has no routes");
  // Whether the message can go is decided by its first frame; the second never fails for lack of
  // room.
  int error_number = send_frame(socket_, route.data(), route.size(), ZMQ_SNDMORE);
  if (error_number == 0) error_number = send_frame(socket_, body.data(), body.size(), 0);
  return finish_send(error_number);
}

void ZmqSocket::linger(Duration at_most) {
  const auto whole = std::chrono::ceil<std::chrono::milliseconds>(at_most).count();
  socket_.set(::zmq::sockopt::linger, static_cast<int>(whole));
}

SendOutcome ZmqSocket::finish_send(int error_number) {
  if (waiting_ && readable()) descriptor_.cancel();
  if (error_number == 0) {
    counters_.sent.add();
    return SendOutcome::kSent;
  }
  if (error_number == EAGAIN) {
    counters_.full.add();
    return SendOutcome::kFull;
  }
  FAULTLINE_CHECK(error_number == EHOSTUNREACH, ::zmq_strerror(error_number));
  counters_.unreachable.add();
  return SendOutcome::kUnreachable;
}

bool ZmqSocket::readable() {
  int events = 0;
  std::size_t size = sizeof events;
  const int error_number =
      call([&] { return ::zmq_getsockopt(socket_.handle(), ZMQ_EVENTS, &events, &size); });
  FAULTLINE_CHECK(error_number == 0, ::zmq_strerror(error_number));
  return (events & ZMQ_POLLIN) != 0;
}

std::optional<::zmq::message_t> ZmqSocket::take_frame() {
  ::zmq::message_t frame;
  const int error_number =
      call([&] { return ::zmq_msg_recv(frame.handle(), socket_.handle(), ZMQ_DONTWAIT); });
  if (error_number == EAGAIN) return std::nullopt;
  FAULTLINE_CHECK(error_number == 0, ::zmq_strerror(error_number));
  return frame;
}

// Empty where there is no message, or one that is dropped.
std::optional<Received> ZmqSocket::take_message() {
  auto frame = take_frame();
  if (!frame) return std::nullopt;
  Received message;
  bool well_formed = true;
  if (is_router_) {
    message.route = frame->to_string();
    well_formed = frame->more();
    if (well_formed) frame = take_frame();  // libzmq delivers all frames of a message, or none
    FAULTLINE_CHECK(frame.has_value(), "the rest of a message is there");
    message.sender = parse_public_key(property(*frame, kUserId));
    well_formed = well_formed && message.sender.has_value();
  }
  while (frame->more()) {
    well_formed = false;
    frame = take_frame();
    FAULTLINE_CHECK(frame.has_value(), "the rest of a message is there");
  }
  if (!well_formed) {
    counters_.malformed.add();
    return std::nullopt;
  }
  message.peer_address = readable_address(property(*frame, kPeerAddress));
  message.body = *std::move(frame);
  counters_.received.add();
  return message;
}

}  // namespace faultline::zmq
