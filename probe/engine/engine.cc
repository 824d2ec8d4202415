#include "probe/engine/engine.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include <fmt/format.h>

#include "common/async/bounded_queue.h"
#include "common/async/clock.h"
#include "common/async/thread_name.h"
#include "common/net/unique_fd.h"
#include "probe/engine/exchange.h"
#include "probe/session/pacer.h"

namespace faultline::engine {
namespace {

// Between two batches of our own packets, and between two looks at the sockets while packets come.
// The kernel's stamps tell when each packet of a batch left, and what a reflector keeps it waiting
// is not counted, so this moves no round trip; half of it costs half as much again.
constexpr Duration kTick = session::kLaneTick;
// Where flows send so often that the other would skip turns of theirs, or that a socket's buffer
// (net.core.rmem_default) would fill within it.
constexpr Duration kTickShort = std::chrono::milliseconds{5};
constexpr Duration kShortIntervals = std::chrono::milliseconds{100};
constexpr std::size_t kBusyLook = 128;                         // datagrams; then the next look is
constexpr Duration kBusyHold = std::chrono::milliseconds{2};   // sooner: buffers are small
constexpr std::size_t kWakeupsPerWait = kSourcePortsMax + 1U;  // every socket that there may be
constexpr std::uint64_t kTimerTag = ~std::uint64_t{0};
constexpr std::uint64_t kWakeTag = kTimerTag - 1;
constexpr std::uint64_t kSocketsTag = kTimerTag - 2;

void clear(int fd) {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(fd, &count, sizeof count);
}

Duration tick_of(Duration flow_interval) {
  return flow_interval < kShortIntervals ? kTickShort : kTick;
}

}  // namespace

class Engine::Impl {
 public:
  explicit Impl(std::function<void()> on_event)
      : events_({.capacity = kEventsMax,
                 .policy = async::OverflowPolicy::kReject,
                 .on_ready = std::move(on_event)}) {}

  Status open(const EngineConfig& config);
  void start() {
    thread_ = std::thread([this] { run(); });
  }
  void stop();

  bool post(EngineCommand command) {
    if (!commands_.push(std::move(command))) return false;
    wake();
    return true;
  }
  std::optional<EngineEvent> take_event() { return events_.try_pop(); }
  [[nodiscard]] EngineCounters counters() const;
  [[nodiscard]] std::uint64_t turns() const { return turns_.load(std::memory_order_relaxed); }
  void wake() const;

 private:
  [[nodiscard]] static Status watch(const net::UniqueFd& epoll, int fd, std::uint64_t tag);
  void run();
  // Takes in what has arrived; returns the time by which it had.
  [[nodiscard]] session::Now wait();
  void look_at_sockets(Instant now);
  // Whether a datagram wakes the thread at once.
  void attend_sockets(bool attend);
  void arm_timer(Instant at);
  void carry_out_commands(session::Now seen);
  void publish_events(session::Now seen);

  Tally tally_;
  async::BoundedQueue<EngineCommand> commands_{
      {.capacity = kCommandsMax, .policy = async::OverflowPolicy::kReject, .on_ready = nullptr}};
  async::BoundedQueue<EngineEvent> events_;
  obs::Counter results_dropped_;
  net::UniqueFd epoll_;    // what the thread waits for
  net::UniqueFd sockets_;  // all sockets; in epoll_ while attended
  net::UniqueFd timer_;
  net::UniqueFd wake_;
  std::unique_ptr<Exchange> exchange_;
  Duration flow_interval_ = kShortIntervals;  // of the plan set last
  Duration tick_ = kTick;
  Instant next_tick_{};
  bool attended_ = true;
  Instant next_look_ = Instant::max();  // at the sockets, while they are not attended
  Instant armed_ = Instant::min();      // for when the timer is set; min(): it has fired
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> turns_{0};
  std::thread thread_;
};

Status Engine::Impl::open(const EngineConfig& config) {
  FAULTLINE_TRY(exchange_, Exchange::open(config, tally_));
  epoll_ = net::UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  timer_ = net::UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  wake_ = net::UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  sockets_ = net::UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  FAULTLINE_TRY_STATUS(watch(epoll_, timer_.get(), kTimerTag));
  FAULTLINE_TRY_STATUS(watch(epoll_, wake_.get(), kWakeTag));
  FAULTLINE_TRY_STATUS(watch(epoll_, sockets_.get(), kSocketsTag));
  for (std::size_t port = 0; port < exchange_->port_count(); ++port) {
    FAULTLINE_TRY_STATUS(watch(sockets_, exchange_->fd(port), port));
  }
  return {};
}

Status Engine::Impl::watch(const net::UniqueFd& epoll, int fd, std::uint64_t tag) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = tag}};
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return fail(ErrorCode::kUnavailable,
              fmt::format("cannot watch the measurement sockets: {}", std::strerror(errno)));
}

void Engine::Impl::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

void Engine::Impl::stop() {
  stopping_ = true;
  wake();
  if (thread_.joinable()) thread_.join();
  exchange_.reset();
  commands_.close();
}

void Engine::Impl::run() {
  async::set_thread_name("engine");
  while (!stopping_) {
    turns_.fetch_add(1, std::memory_order_relaxed);
    arm_timer(std::min(next_tick_, next_look_));
    const auto seen = wait();
    carry_out_commands(seen);
    if (seen.instant < next_tick_) continue;
    publish_events(seen);
    if (exchange_->send_due() > 0) {  // stamps and replies will come, one by one
      attend_sockets(false);
      next_look_ = std::min(next_look_, seen.instant + tick_);
    }
    next_tick_ = std::max(seen.instant + tick_, exchange_->next_due());
  }
}

// Whatever woke it, it looks at the sockets: windows close by the time that it returns.
session::Now Engine::Impl::wait() {
  std::array<epoll_event, 3> wakeups;  // timer, wake, sockets
  const int count = ::epoll_wait(epoll_.get(), wakeups.data(), wakeups.size(), -1);
  const auto seen = read_clocks();
  for (std::size_t i = 0; count > 0 && i < static_cast<std::size_t>(count); ++i) {
    const auto tag = wakeups[i].data.u64;
    if (tag == kTimerTag) armed_ = Instant::min();  // arming it anew clears it
    if (tag == kWakeTag) clear(wake_.get());
  }
  look_at_sockets(seen.instant);
  return seen;
}

// Datagrams that come now and then are taken at once; while they keep coming, once a tick: a wake
// for each would cost more than the datagram.
void Engine::Impl::look_at_sockets(Instant now) {
  std::array<epoll_event, kWakeupsPerWait> ready;
  const int count = ::epoll_wait(sockets_.get(), ready.data(), kWakeupsPerWait, 0);
  std::size_t datagrams = 0;
  for (std::size_t i = 0; count > 0 && i < static_cast<std::size_t>(count); ++i) {
    datagrams += exchange_->on_readable(ready[i].data.u64, (ready[i].events & EPOLLERR) != 0);
  }
  if (count <= 0) {
    if (now < next_look_ && !attended_) return;
    next_look_ = Instant::max();
    attend_sockets(true);
    return;
  }
  attend_sockets(false);
  next_look_ = now + (datagrams < kBusyLook ? tick_ : std::min(tick_, kBusyHold));
  // An answer may have completed a trace or freed its next probe.
  next_tick_ = std::min(next_tick_, now + tick_);
}

void Engine::Impl::attend_sockets(bool attend) {
  if (attended_ == attend) return;
  attended_ = attend;
  epoll_event event{.events = attend ? EPOLLIN : 0U, .data = {.u64 = kSocketsTag}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, sockets_.get(), &event);
}

void Engine::Impl::arm_timer(Instant at) {
  if (at == armed_) return;
  armed_ = at;
  const auto since_boot = std::max(at.time_since_epoch(), Duration{1});  // zero would disarm it
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
  const itimerspec when{
      .it_interval = {},
      .it_value = {.tv_sec = seconds.count(), .tv_nsec = (since_boot - seconds).count()}};
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void Engine::Impl::carry_out_commands(session::Now seen) {
  while (auto command = commands_.try_pop()) {
    if (const auto* plan = std::get_if<SetPlan>(&*command)) {
      exchange_->set_plan(*plan->plan, plan->keys);
      flow_interval_ = plan->plan->flow_interval;
      tick_ = tick_of(flow_interval_);
    } else if (const auto* keys = std::get_if<SetKeys>(&*command)) {
      exchange_->set_keys(*keys->keys);
    } else if (const auto* flows = std::get_if<BoostFlows>(&*command)) {
      exchange_->boost(flows->boost);
      for (const auto& flow : flows->boost.flows) {  // the next plan takes the short tick back
        tick_ = std::min(tick_, tick_of(flow_interval_ / std::max<std::uint16_t>(flow.times, 1)));
      }
    } else if (const auto* flow = std::get_if<CheckSize>(&*command)) {
      exchange_->check_size(*flow);
    } else if (const auto* order = std::get_if<trace::TraceOrder>(&*command)) {
      exchange_->trace(*order);
    } else if (const auto* finish = std::get_if<FinishMeasuring>(&*command)) {
      exchange_->finish_measuring(finish->grace);
    } else if (std::holds_alternative<TellHeard>(*command)) {
      exchange_->tell_heard();
    } else if (const auto* order_of_peer = std::get_if<ReceiptsOrder>(&*command)) {
      exchange_->read_receipts(*order_of_peer);
    } else if (const auto* told = std::get_if<ReceiptsTold>(&*command)) {
      exchange_->take_receipts(*told);
    } else if (const auto* machine = std::get_if<NoteMachine>(&*command)) {
      exchange_->note_machine(*machine);
    } else if (auto* strangers = std::get_if<SetStrangers>(&*command)) {
      exchange_->set_strangers(std::move(strangers->strangers));
    } else if (const auto* admit = std::get_if<AdmitGuest>(&*command)) {
      exchange_->admit(admit->guest, seen.instant);
    } else if (const auto* dismiss = std::get_if<DismissGuest>(&*command)) {
      exchange_->dismiss(dismiss->test);
    } else {
      exchange_->stop_measuring();
    }
    publish_events(seen);
    next_tick_ = Instant{};
  }
}

void Engine::Impl::publish_events(session::Now seen) {
  while (auto event = exchange_->take_event(seen)) {
    const auto* window = std::get_if<WindowClosed>(&*event);
    const std::size_t results = window == nullptr ? 0 : window->report.flows.size();
    if (!events_.push(std::move(*event))) results_dropped_.add(results);
  }
}

EngineCounters Engine::Impl::counters() const {
  return {.sent = tally_.sent.value(),
          .replies = tally_.replies.value(),
          .replies_unmatched = tally_.replies_unmatched.value(),
          .replies_forged = tally_.replies_forged.value(),
          .reflected = tally_.reflected.value(),
          .reflector_refused = tally_.reflector_refused.value(),
          .reflector_forged = tally_.reflector_forged.value(),
          .reflector_open_refused = tally_.reflector_open_refused.value(),
          .reflector_limited = tally_.reflector_limited.value(),
          .reflector_evicted = tally_.reflector_evicted.value(),
          .malformed = tally_.malformed.value(),
          .icmp_errors = tally_.icmp_errors.value(),
          .send_failures = tally_.send_failures.value(),
          .receive_drops = tally_.receive_drops.value(),
          .transmit_stamps = tally_.transmit_stamps.value(),
          .plans_refused = tally_.plans_refused.value(),
          .traces_refused = tally_.traces_refused.value(),
          .hints = tally_.hints.value(),
          .size_checks_refused = tally_.size_checks_refused.value(),
          .receipt_questions = tally_.receipt_questions.value(),
          .receipt_sessions_shed = tally_.receipt_sessions_shed.value(),
          .events_dropped = events_.counters().rejected.value(),
          .results_dropped = results_dropped_.value()};
}

Result<std::unique_ptr<Engine>> Engine::start(const EngineConfig& config,
                                              std::function<void()> on_event) {
  auto impl = std::make_unique<Impl>(std::move(on_event));
  FAULTLINE_TRY_STATUS(impl->open(config));
  impl->start();
  return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Engine::~Engine() { stop(); }

void Engine::stop() { impl_->stop(); }

bool Engine::post(EngineCommand command) { return impl_->post(std::move(command)); }

std::size_t Engine::take_events(std::vector<EngineEvent>& events, std::size_t max) {
  std::size_t taken = 0;
  for (; taken < max; ++taken) {
    auto event = impl_->take_event();
    if (!event) break;
    events.push_back(std::move(*event));
  }
  return taken;
}

EngineCounters Engine::counters() const { return impl_->counters(); }

std::uint64_t Engine::turns() const { return impl_->turns(); }

void Engine::nudge() { impl_->wake(); }

}  // namespace faultline::engine
