#include "common/zmq/handshake_watch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "common/async/thread_name.h"
#include "common/base/check.h"
#include "common/obs/log.h"
#include "common/obs/log_limiter.h"
#include "common/zmq/peer_address.h"

namespace faultline::zmq {
namespace {

constexpr int kEvents = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED |
                        ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                        ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                        ZMQ_EVENT_MONITOR_STOPPED;

struct Event {
  std::uint16_t kind = 0;
  std::uint32_t value = 0;  // a descriptor, an errno, or which protocol error
};

// Empty once the monitored socket or the context has gone.
std::optional<Event> take_event(::zmq::socket_t& events) {
  // Two frames: kind and value in 6 unaligned bytes, then the endpoint that was connected to.
  std::array<std::byte, 6> head{};
  for (bool first = true, more = true; more; first = false) {
    ::zmq::message_t frame;
    int result = 0;
    do {
      result = ::zmq_msg_recv(frame.handle(), events.handle(), 0);
    } while (result < 0 && ::zmq_errno() == EINTR);
    if (result < 0) return std::nullopt;
    more = frame.more();
    if (first && frame.size() == head.size()) std::memcpy(head.data(), frame.data(), head.size());
  }
  Event event;
  std::memcpy(&event.kind, head.data(), sizeof event.kind);
  std::memcpy(&event.value, head.data() + sizeof event.kind, sizeof event.value);
  if (event.kind == ZMQ_EVENT_MONITOR_STOPPED) return std::nullopt;
  return event;
}

std::string peer_of(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = nullptr;
  if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    if (address.ss_family == AF_INET) bytes = &reinterpret_cast<sockaddr_in*>(&address)->sin_addr;
    if (address.ss_family == AF_INET6) {
      bytes = &reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr;
    }
  }
  if (bytes == nullptr || !::inet_ntop(address.ss_family, bytes, text.data(), text.size())) {
    return "a peer that was gone before its address could be read";
  }
  return readable_address(text.data());
}

std::string_view reason(const Event& event) {
  if (event.kind == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) {
    return event.value == EAGAIN ? "it did not finish its handshake in time"
                                 : "it hung up during the handshake";
  }
  switch (event.value) {
    case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
      return "it does not speak CURVE";
    case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
      return "it has another key for this server";
    default:
      return "its handshake is malformed";
  }
}

struct Refused {
  std::string peer;
  std::string_view why;
};

// The connections that may still be within their handshakes. libzmq's I/O thread reports one
// connection at a time, so a failure is that of the next descriptor to be disconnected.
class Handshakes {
 public:
  std::optional<Refused> on(const Event& event) {
    switch (event.kind) {
      case ZMQ_EVENT_ACCEPTED:
        open_[static_cast<int>(event.value)] = peer_of(static_cast<int>(event.value));
        return std::nullopt;
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        ++succeeded_;
        settle();
        return std::nullopt;
      case ZMQ_EVENT_DISCONNECTED:
        return on_end(static_cast<int>(event.value));
      default:
        failure_ = event;
        return std::nullopt;
    }
  }

 private:
  std::optional<Refused> on_end(int descriptor) {
    const auto failure = std::exchange(failure_, std::nullopt);
    auto connection = open_.extract(descriptor);
    if (connection.empty()) return std::nullopt;  // its handshake succeeded long ago
    std::optional<Refused> refused;
    if (!failure && succeeded_ > 0) {
      --succeeded_;
    } else if (!failure) {
      refused = {std::move(connection.mapped()), "it does not speak ZeroMQ"};
    } else if (failure->kind != ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
      refused = {std::move(connection.mapped()), reason(*failure)};
    }
    settle();
    return refused;
  }

  // When as many have succeeded as there are, it was all of them.
  void settle() {
    if (succeeded_ < open_.size()) return;
    open_.clear();
    succeeded_ = 0;
  }

  std::map<int, std::string> open_;  // peers by descriptor: bounded by the process's descriptors
  std::size_t succeeded_ = 0;        // how many of them have succeeded
  std::optional<Event> failure_;     // of the connection that ends next
};

}  // namespace

HandshakeWatch::HandshakeWatch(::zmq::context_t& context, ::zmq::socket_t& server,
                               HandshakeCounters& counters)
    : events_(context, ::zmq::socket_type::pair), counters_(counters) {
  const auto endpoint = fmt::format("inproc://handshakes-{}", fmt::ptr(server.handle()));
  FAULTLINE_CHECK(::zmq_socket_monitor(server.handle(), endpoint.c_str(), kEvents) == 0,
                  ::zmq_strerror(::zmq_errno()));
  events_.set(::zmq::sockopt::linger, 0);
  events_.connect(endpoint);
  thread_ = std::thread{[this] { run(); }};
}

HandshakeWatch::~HandshakeWatch() { thread_.join(); }

void HandshakeWatch::run() {
  async::set_thread_name("handshakes");
  obs::LogLimiter lines{async::now_instant()};
  Handshakes handshakes;
  while (const auto event = take_event(events_)) {
    const auto refused = handshakes.on(*event);
    if (!refused) continue;
    counters_.failed.add();
    if (const auto more = lines.admit(async::now_instant())) {
      obs::log_warning("link", "refused {}: {}{}", refused->peer, refused->why, *more);
    }
  }
}

}  // namespace faultline::zmq
