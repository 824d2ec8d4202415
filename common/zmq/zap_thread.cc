#include "common/zmq/zap_thread.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <vector>

#include "common/async/clock.h"
#include "common/async/thread_name.h"
#include "common/base/check.h"
#include "common/obs/log.h"
#include "common/obs/log_limiter.h"
#include "common/zmq/peer_address.h"

namespace faultline::zmq {
namespace {

constexpr const char* kEndpoint = "inproc://zeromq.zap.01";
constexpr std::string_view kVersion = "1.0";

struct Request {
  std::string id;
  std::string address;
  std::optional<PublicKey> key;  // empty where the client did not use CURVE
};

struct Reply {
  std::string_view status;
  std::string_view text;
  std::string user_id;
};

// Frames: version, request id, domain, address, routing id, mechanism, credentials.
std::optional<Request> parse(const std::vector<::zmq::message_t>& frames) {
  if (frames.size() < 6 || frames[0].to_string_view() != kVersion) return std::nullopt;
  Request request{.id = frames[1].to_string(),
                  .address = readable_address(frames[3].to_string_view()),
                  .key = std::nullopt};
  PublicKey key;
  if (frames.size() == 7 && frames[5].to_string_view() == "CURVE" &&
      frames[6].size() == key.bytes.size()) {
    std::copy_n(frames[6].data<std::uint8_t>(), key.bytes.size(), key.bytes.begin());
    request.key = key;
  }
  return request;
}

// Decides and speaks for one thread.
class Gatekeeper {
 public:
  Gatekeeper(const async::Published<TrustTable>& trust, ZapCounters& counters)
      : trust_(trust), counters_(counters), lines_(async::now_instant()) {}

  [[nodiscard]] Reply judge(const Request& request) {
    if (!request.key) {
      counters_.malformed.add();
      return {.status = "400", .text = "CURVE is required", .user_id = {}};
    }
    const auto table = trust_.snapshot();
    const auto entry = table->find(*request.key);
    if (entry == table->end()) {
      counters_.refused_unknown.add();
      log_refusal(request, "its key is not known here");
      return kRefusal;
    }
    if (entry->second.admission == Admission::kSpentToken) {
      counters_.refused_spent_token.add();
      log_refusal(request, "its join token was used before, by " + entry->second.label);
      return kRefusal;
    }
    counters_.admitted.add();
    return {.status = "200", .text = "OK", .user_id = to_string(*request.key)};
  }

 private:
  static inline const Reply kRefusal{.status = "300", .text = "not trusted", .user_id = {}};

  void log_refusal(const Request& request, std::string_view why) {
    if (const auto more = lines_.admit(async::now_instant())) {
      obs::log_warning("zap", "refused {} with key {}: {}{}", request.address,
                       short_name(*request.key), why, *more);
    }
  }

  const async::Published<TrustTable>& trust_;
  ZapCounters& counters_;
  obs::LogLimiter lines_;
};

std::vector<::zmq::message_t> take_frames(::zmq::socket_t& socket) {
  std::vector<::zmq::message_t> frames;
  do {
    frames.emplace_back();
    int result = 0;
    do {
      result = ::zmq_msg_recv(frames.back().handle(), socket.handle(), 0);
    } while (result < 0 && ::zmq_errno() == EINTR);
    FAULTLINE_CHECK(result >= 0, ::zmq_strerror(::zmq_errno()));
  } while (frames.back().more());
  return frames;
}

void answer(::zmq::socket_t& socket, std::string_view id, const Reply& reply) {
  const std::array<std::string_view, 6> frames{
      kVersion, id, reply.status, reply.text, reply.user_id, std::string_view{}};
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const int flags = i + 1 < frames.size() ? ZMQ_SNDMORE : 0;
    int result = 0;
    do {
      result = ::zmq_send(socket.handle(), frames[i].data(), frames[i].size(), flags);
    } while (result < 0 && ::zmq_errno() == EINTR);
    FAULTLINE_CHECK(result >= 0, ::zmq_strerror(::zmq_errno()));
  }
}

}  // namespace

ZapThread::ZapThread(::zmq::context_t& context, const async::Published<TrustTable>& trust)
    : trust_(trust),
      requests_(context, ::zmq::socket_type::rep),
      stop_event_(::eventfd(0, EFD_CLOEXEC)) {
  FAULTLINE_CHECK(stop_event_ >= 0, "an eventfd is there at start");
  requests_.set(::zmq::sockopt::linger, 0);
  requests_.bind(kEndpoint);
  thread_ = std::thread{[this] { run(); }};
}

ZapThread::~ZapThread() {
  FAULTLINE_CHECK(::eventfd_write(stop_event_, 1) == 0, "an eventfd takes a one");
  thread_.join();
  ::close(stop_event_);
}

void ZapThread::run() {
  async::set_thread_name("zap");
  Gatekeeper gatekeeper{trust_, counters_};
  std::array<::zmq_pollitem_t, 2> items{
      {{requests_.handle(), 0, ZMQ_POLLIN, 0}, {nullptr, stop_event_, ZMQ_POLLIN, 0}}};
  while (items[1].revents == 0) {
    const int ready = ::zmq_poll(items.data(), static_cast<int>(items.size()), -1);
    FAULTLINE_CHECK(ready >= 0 || ::zmq_errno() == EINTR, ::zmq_strerror(::zmq_errno()));
    if (ready <= 0 || items[0].revents == 0) continue;
    const auto request = parse(take_frames(requests_));
    if (!request) counters_.malformed.add();
    const Reply malformed{.status = "500", .text = "malformed request", .user_id = {}};
    answer(requests_, request ? std::string_view{request->id} : std::string_view{},
           request ? gatekeeper.judge(*request) : malformed);
  }
}

}  // namespace faultline::zmq
