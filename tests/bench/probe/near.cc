#include "tests/bench/probe/near.h"

#include <algorithm>
#include <ctime>
#include <optional>
#include <semaphore>
#include <stop_token>
#include <thread>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "probe/engine/keyring.h"
#include "tests/bench/probe/application.h"

namespace faultline::bench {
namespace {

constexpr std::size_t kEventsPerTake = 64;

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

Duration seconds_of(double seconds) { return Duration{static_cast<std::int64_t>(1e9 * seconds)}; }

class Near {
 public:
  explicit Near(const NearOptions& options) : options_(options) {}
  NearResult run();

 private:
  void start();
  void wait_until(Instant end);
  void take_events();

  NearOptions options_;
  std::binary_semaphore ready_{0};
  std::unique_ptr<engine::Engine> engine_;
  std::vector<engine::EngineEvent> events_;
  WallTime counts_from_ = WallTime::max();
  bool ended_ = false;
  NearResult result_;
};

void Near::start() {
  auto engine = engine::Engine::start({.address = IpAddress::v4(kNearAddress),
                                       .source_port_first = kSourcePort,
                                       .source_port_count = kSourcePorts,
                                       .reflector_port = kReflectorPort,
                                       .seed = 1,
                                       .transmit_stamps = options_.transmit_stamps},
                                      [this] { ready_.release(); });
  if (!engine) die(engine.error().context);
  engine_ = *std::move(engine);
  const auto keys = keys_in(options_.state);
  auto plan = std::make_shared<const Plan>(near_plan(options_.shape, keys));
  engine::Keyring keyring;
  if (!engine_->post(engine::SetPlan{plan, keyring.table({keys.near}, *plan)})) die("no plan set");
}

void Near::take_events() {
  events_.clear();
  while (engine_->take_events(events_, kEventsPerTake) == kEventsPerTake) {
  }
  for (auto& event : events_) {
    ended_ = ended_ || std::holds_alternative<engine::MeasuringEnded>(event);
    const auto* window = std::get_if<engine::WindowClosed>(&event);
    if (window == nullptr || window->report.window_start < counts_from_) continue;
    for (const auto& delay : window->report.delays) result_.rtt.merge(delay.rtt);
  }
}

void Near::wait_until(Instant end) {
  for (auto now = async::now_instant(); now < end && !ended_; now = async::now_instant()) {
    if (ready_.try_acquire_for(end - now)) take_events();
  }
}

NearResult Near::run() {
  start();
  wait_until(async::now_instant() + seconds_of(options_.warm_up_seconds));
  counts_from_ = async::now_wall();
  std::optional<std::jthread> application;
  if (options_.application) {
    application.emplace([this](const std::stop_token& stop) {
      result_.application = measure_by_application(stop);
    });
  }
  const auto began = async::now_instant();
  const auto processor = processor_seconds();
  const auto replies = engine_->counters().replies;
  wait_until(began + seconds_of(options_.seconds));
  result_.processor_seconds = processor_seconds() - processor;
  result_.seconds = std::chrono::duration<double>(async::now_instant() - began).count();
  result_.round_trips = engine_->counters().replies - replies;
  application.reset();
  if (engine_->counters().plans_refused != 0) die("the engine refused the plan");
  if (!engine_->post(engine::FinishMeasuring{std::chrono::seconds{2}})) die("it cannot finish");
  wait_until(async::now_instant() + std::chrono::seconds{10});
  if (!ended_) die("the windows did not close");
  result_.counters = engine_->counters();
  engine_->stop();
  return std::move(result_);
}

std::string quantiles(const stats::Histogram& rtt) {
  return fmt::format(R"("p50_us": {:.2f}, "p90_us": {:.2f}, "p99_us": {:.2f})",
                     1e-3 * static_cast<double>(rtt.quantile(0.5).value_or(0)),
                     1e-3 * static_cast<double>(rtt.quantile(0.9).value_or(0)),
                     1e-3 * static_cast<double>(rtt.quantile(0.99).value_or(0)));
}

std::string application_quantiles(std::vector<std::uint64_t>& rtts) {
  if (rtts.empty()) return "";
  std::ranges::sort(rtts);
  const auto at = [&](double share) {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(rtts.size() - 1));
    return 1e-3 * static_cast<double>(rtts[index]);
  };
  return fmt::format(R"(, "application": {{"packets": {}, "p50_us": {:.2f}, "p99_us": {:.2f}}})",
                     rtts.size(), at(0.5), at(0.99));
}

}  // namespace

NearResult run_near(const NearOptions& options) { return Near(options).run(); }

std::string to_json(NearResult& result) {
  const auto& counters = result.counters;
  return fmt::format(
      R"({{"seconds": {:.2f}, "round_trips": {}, "per_second": {:.0f}, "core_percent": {:.3f}, )"
      R"("us_per_round_trip": {:.3f}, "sent": {}, "replies": {}, "reflected": {}, )"
      R"("receive_drops": {}, "send_failures": {}, "transmit_stamps": {}, {}{}}})",
      result.seconds, result.round_trips, static_cast<double>(result.round_trips) / result.seconds,
      100 * result.processor_seconds / result.seconds,
      1e6 * result.processor_seconds /
          static_cast<double>(std::max<std::uint64_t>(result.round_trips, 1)),
      counters.sent, counters.replies, counters.reflected, counters.receive_drops,
      counters.send_failures, counters.transmit_stamps, quantiles(result.rtt),
      application_quantiles(result.application));
}

}  // namespace faultline::bench
