// Sender: carries out requests. One thread, "notify", speaks to all receivers at once: with libcurl
// to those on the network, with child processes (child.h) to programs.
//
// Why it exists: receivers are slow, down or far away, and none of that may reach the loop or delay
// another receiver. It decides nothing: the Outbox says what to send and what an outcome means.
//
// TLS certificates are verified, redirects are not followed, proxy variables of the environment
// (https_proxy, no_proxy) are honored. No secret of a request is in an outcome's text. Thread
// safety: send() and the counters on any thread; `on_outcome` is called on the notify thread. The
// destructor drops what is still in flight without calling back: the outbox has it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/base/time.h"
#include "common/obs/metrics.h"
#include "controller/notify/outbox.h"
#include "controller/notify/receiver.h"

namespace faultline::notify {

inline constexpr std::size_t kDeliveriesMax = 64;  // queued, and as many in flight

struct SenderOptions {
  Duration connect_timeout = std::chrono::seconds{5};
  std::string user_agent = "faultline-controller";
};

struct Delivery {
  OutboxId id = 0;  // comes back with the outcome
  Request request;
};

struct SenderCounters {
  obs::Counter requests;
  obs::Counter refused;   // at kDeliveriesMax
  obs::Counter failures;  // no answer, or not a 2xx one; trouble when it keeps growing
};

class Sender {
 public:
  using OutcomeHandler = std::function<void(OutboxId, DeliveryOutcome)>;

  Sender(SenderOptions options, OutcomeHandler on_outcome);
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // False at kDeliveriesMax: to be tried later.
  [[nodiscard]] bool send(Delivery delivery);

  [[nodiscard]] const SenderCounters& counters() const;

 private:
  class Thread;
  std::unique_ptr<Thread> thread_;
};

// kInvalid unless it is an http:// or https:// URL with a host. For the configuration's check; the
// URL itself may be a secret and is not in the message.
[[nodiscard]] Status validate_webhook_url(const std::string& url);

}  // namespace faultline::notify
