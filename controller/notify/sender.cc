#include "controller/notify/sender.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <list>
#include <thread>

#include <pthread.h>

#include <curl/curl.h>
#include <fmt/format.h>

#include "common/async/bounded_queue.h"
#include "common/async/clock.h"
#include "common/async/thread_name.h"
#include "controller/notify/child.h"

namespace faultline::notify {
namespace {

// Only an upper bound: send(), the sockets and the programs wake the thread.
constexpr Duration kPoll = std::chrono::seconds{1};
constexpr Duration kPollWithoutPidfd = std::chrono::milliseconds{50};
// One for each delivery in flight: the heartbeat does not wait for receivers that hang.
constexpr auto kConnectionsMax = static_cast<long>(kDeliveriesMax);
constexpr std::size_t kAnswerBytesKept = 512;

long milliseconds(Duration duration) {
  return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

struct CurlCleanup {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

// What the receiver says about a failure, such as Slack's "invalid_payload".
std::size_t keep_begin(char* data, std::size_t size, std::size_t count, void* answer) {
  auto& text = *static_cast<std::string*>(answer);
  text.append(data, std::min(size * count, kAnswerBytesKept - text.size()));
  return size * count;
}

// One POST in flight. It stays where it is: libcurl holds pointers into it.
struct Exchange {
  Delivery delivery;
  std::string answer;
  std::unique_ptr<curl_slist, CurlCleanup> headers;
  std::unique_ptr<CURL, CurlCleanup> curl{curl_easy_init()};

  Exchange(Delivery what, const SenderOptions& options) : delivery(std::move(what)) {
    const auto& request = delivery.request;
    add_header("Expect:");  // one round trip less, and some receivers do not know it
    for (const auto& line : request.headers) add_header(line);
    auto* handle = curl.get();
    curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options.connect_timeout));
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, milliseconds(request.timeout));
    curl_easy_setopt(handle, CURLOPT_USERAGENT, options.user_agent.c_str());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.c_str());
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &keep_begin);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(handle, CURLOPT_PRIVATE, this);
    if (!request.ca_file.empty()) {
      curl_easy_setopt(handle, CURLOPT_CAINFO, request.ca_file.c_str());
      curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
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
    if (retry_after_s > 0) {  // within what the nanoseconds of a Duration hold
      retry_after = std::chrono::seconds{std::min<curl_off_t>(retry_after_s, 1'000'000)};
    }
    auto outcome = outcome_of_http(status, retry_after);
    if (outcome.result != DeliveryResult::kDelivered && !answer.empty()) {
      outcome.text += ": " + answer;
    }
    return outcome;
  }
};

struct Run {
  Delivery delivery;
  Child child;
};

}  // namespace

class Sender::Thread {
 public:
  Thread(SenderOptions options, OutcomeHandler on_outcome)
      : options_(std::move(options)), on_outcome_(std::move(on_outcome)) {
    curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, kConnectionsMax);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kConnectionsMax);
    thread_ = std::thread([this] { run(); });
  }

  ~Thread() {
    stopping_ = true;
    curl_multi_wakeup(multi_);
    thread_.join();
    runs_.clear();
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
    block_broken_pipes();
    while (!stopping_) {
      start_queued();
      int running = 0;
      curl_multi_perform(multi_, &running);
      finish_done();
      step_runs();
      wait();
    }
  }

  // A program that does not read its stdin must not end the process.
  static void block_broken_pipes() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  }

  void wait() {
    std::vector<curl_waitfd> descriptors;
    const auto add = [&](int descriptor, short events) {
      if (descriptor >= 0) descriptors.push_back({descriptor, events, 0});
    };
    Duration longest = kPoll;
    for (const auto& run : runs_) {
      add(run.child.pid_fd(), CURL_WAIT_POLLIN);
      add(run.child.output_fd(), CURL_WAIT_POLLIN);
      add(run.child.input_fd(), CURL_WAIT_POLLOUT);
      // Without a pidfd (old kernels, some sandboxes) its end is only seen by looking.
      if (run.child.pid_fd() < 0) longest = std::min(longest, kPollWithoutPidfd);
      longest = std::min(longest, run.child.deadline() - async::now_instant());
    }
    const auto poll_ms = static_cast<int>(std::max(0L, milliseconds(longest)));
    curl_multi_poll(multi_, descriptors.data(), static_cast<unsigned>(descriptors.size()), poll_ms,
                    nullptr);
  }

  void start_queued() {
    while (exchanges_.size() + runs_.size() < kDeliveriesMax) {
      auto delivery = queue_.try_pop();
      if (!delivery) return;
      counters_.requests.add();
      if (!delivery->request.url.empty()) {
        auto& exchange = exchanges_.emplace_back(std::move(*delivery), options_);
        curl_multi_add_handle(multi_, exchange.curl.get());
        continue;
      }
      auto child = Child::start(delivery->request, async::now_instant());
      if (child) {
        runs_.push_back({std::move(*delivery), std::move(*child)});
      } else {
        finish(*delivery, {DeliveryResult::kRetry, child.error().context, std::nullopt});
      }
    }
  }

  void step_runs() {
    for (auto run = runs_.begin(); run != runs_.end();) {
      auto outcome = run->child.step(async::now_instant());
      if (outcome) finish(run->delivery, *std::move(outcome));
      run = outcome ? runs_.erase(run) : std::next(run);
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
      curl_multi_remove_handle(multi_, exchange->curl.get());
      finish(exchange->delivery, std::move(outcome));
      exchanges_.remove_if([&](const Exchange& item) { return &item == exchange; });
    }
  }

  void finish(const Delivery& delivery, DeliveryOutcome outcome) {
    if (outcome.result != DeliveryResult::kDelivered) counters_.failures.add();
    outcome.text = without_secrets(outcome.text, delivery.request.secrets);
    on_outcome_(delivery.id, std::move(outcome));
  }

  const SenderOptions options_;
  const OutcomeHandler on_outcome_;
  SenderCounters counters_;
  CURLM* const multi_ = curl_multi_init();
  async::BoundedQueue<Delivery> queue_{
      {.capacity = kDeliveriesMax, .policy = async::OverflowPolicy::kReject, .on_ready = {}}};
  std::list<Exchange> exchanges_;  // on the notify thread
  std::list<Run> runs_;            // on the notify thread
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
    return fail(ErrorCode::kInvalid, "the URL must be http://host/... or https://host/...");
  }
  return {};
}

}  // namespace faultline::notify
