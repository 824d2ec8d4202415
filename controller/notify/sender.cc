#include "controller/notify/sender.h"

#include <algorithm>
#include <atomic>
#include <list>
#include <thread>

#include <curl/curl.h>
#include <fmt/format.h>

#include "common/async/bounded_queue.h"
#include "common/async/clock.h"
#include "common/async/thread_name.h"
#include "controller/notify/signature.h"

namespace faultline::notify {
namespace {

constexpr int kPollMs = 1000;  // only an upper bound: send() and the sockets wake the thread
constexpr long kReceiversConnectedMax = 16;

long milliseconds(Duration duration) {
  return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

struct CurlCleanup {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::size_t ignore_body(char*, std::size_t size, std::size_t count, void*) { return size * count; }

// One POST in flight. It stays where it is: libcurl holds pointers into it.
struct Exchange {
  Delivery delivery;
  std::unique_ptr<curl_slist, CurlCleanup> headers;
  std::unique_ptr<CURL, CurlCleanup> curl{curl_easy_init()};

  Exchange(Delivery what, const SenderOptions& options) : delivery(std::move(what)) {
    sign();
    auto* handle = curl.get();
    curl_easy_setopt(handle, CURLOPT_URL, delivery.url.c_str());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options.connect_timeout));
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, milliseconds(options.timeout));
    curl_easy_setopt(handle, CURLOPT_USERAGENT, options.user_agent.c_str());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(delivery.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, delivery.body.c_str());
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &ignore_body);
    curl_easy_setopt(handle, CURLOPT_PRIVATE, this);
  }

  void sign() {
    const auto timestamp_s = unix_seconds(async::now_wall());
    add_header("Content-Type: application/json");
    add_header("Expect:");  // one round trip less, and some receivers do not know it
    add_header(fmt::format("X-Faultline-Timestamp: {}", timestamp_s));
    add_header(fmt::format("X-Faultline-Idempotency-Key: {}", delivery.idempotency_key));
    if (!delivery.secret.empty()) {
      add_header(fmt::format("X-Faultline-Signature: {}",
                             signature(delivery.secret, timestamp_s, delivery.body)));
    }
  }

  void add_header(const std::string& line) {
    headers.reset(curl_slist_append(headers.release(), line.c_str()));
  }

  [[nodiscard]] DeliveryOutcome outcome(CURLcode code) const {
    if (code != CURLE_OK) {
      return {DeliveryResult::kRetry, curl_easy_strerror(code), std::nullopt};
    }
    long status = 0;
    curl_off_t retry_after_s = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl.get(), CURLINFO_RETRY_AFTER, &retry_after_s);
    std::optional<Duration> retry_after;
    // An hour is beyond any back-off of ours, and keeps the nanoseconds far from overflowing.
    if (retry_after_s > 0) {
      retry_after = std::chrono::seconds{std::min<curl_off_t>(retry_after_s, 3600)};
    }
    return outcome_of_http(status, retry_after);
  }
};

}  // namespace

class Sender::Thread {
 public:
  Thread(SenderOptions options, OutcomeHandler on_outcome)
      : options_(std::move(options)), on_outcome_(std::move(on_outcome)) {
    curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, kReceiversConnectedMax);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kReceiversConnectedMax);
    thread_ = std::thread([this] { run(); });
  }

  ~Thread() {
    stopping_ = true;
    curl_multi_wakeup(multi_);
    thread_.join();
    for (auto& exchange : exchanges_) curl_multi_remove_handle(multi_, exchange.curl.get());
    exchanges_.clear();
    curl_multi_cleanup(multi_);
  }

  bool send(Delivery delivery) {
    if (!queue_.push(std::move(delivery))) {
      counters_.refused.add();
      return false;
    }
    curl_multi_wakeup(multi_);
    return true;
  }

  [[nodiscard]] const SenderCounters& counters() const { return counters_; }

 private:
  void run() {
    async::set_thread_name("notify");
    while (!stopping_) {
      start_queued();
      int running = 0;
      curl_multi_perform(multi_, &running);
      finish_done();
      curl_multi_poll(multi_, nullptr, 0, kPollMs, nullptr);
    }
  }

  void start_queued() {
    while (exchanges_.size() < kDeliveriesMax) {
      auto delivery = queue_.try_pop();
      if (!delivery) return;
      counters_.requests.add();
      auto& exchange = exchanges_.emplace_back(std::move(*delivery), options_);
      curl_multi_add_handle(multi_, exchange.curl.get());
    }
  }

  void finish_done() {
    int left = 0;
    while (const auto* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      char* pointer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &pointer);
      const auto* exchange = reinterpret_cast<const Exchange*>(pointer);
      auto outcome = exchange->outcome(message->data.result);
      const auto id = exchange->delivery.id;
      curl_multi_remove_handle(multi_, exchange->curl.get());
      exchanges_.remove_if([&](const Exchange& item) { return &item == exchange; });
      if (outcome.result != DeliveryResult::kDelivered) counters_.failures.add();
      on_outcome_(id, std::move(outcome));
    }
  }

  const SenderOptions options_;
  const OutcomeHandler on_outcome_;
  SenderCounters counters_;
  CURLM* const multi_ = curl_multi_init();
  async::BoundedQueue<Delivery> queue_{
      {.capacity = kDeliveriesMax, .policy = async::OverflowPolicy::kReject, .on_ready = {}}};
  std::list<Exchange> exchanges_;  // on the notify thread
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

Sender::Sender(SenderOptions options, OutcomeHandler on_outcome)
    : thread_(std::make_unique<Thread>(std::move(options), std::move(on_outcome))) {}

Sender::~Sender() = default;

bool Sender::send(Delivery delivery) { return thread_->send(std::move(delivery)); }

const SenderCounters& Sender::counters() const { return thread_->counters(); }

Status validate_webhook_url(const std::string& url) {
  const std::unique_ptr<CURLU, CurlCleanup> parsed(curl_url());
  const auto known = url.starts_with("http://") || url.starts_with("https://");
  if (!known || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    return fail(
        ErrorCode::kInvalid,
        fmt::format("the webhook URL '{}' must be http://host/... or https://host/...", url));
  }
  return {};
}

}  // namespace faultline::notify
