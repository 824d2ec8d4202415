#include "tests/load/fleet.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "common/async/timer.h"
#include "common/base/check.h"

namespace faultline::load {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kProgress = seconds{2};
// After a window's end a probe waits for its last replies; then its report goes, each probe's at
// another moment.
constexpr double kReportDelayWindows = 0.2;

// Each probe has a socket, and while it opens another link libzmq may still be closing the last.
zmq::Context make_context_of_many() {
  auto context = zmq::make_context();
  context.set(::zmq::ctxopt::max_sockets, 4 * static_cast<int>(kProbesMax));
  return context;
}

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

Fleet::Fleet(const LoadOptions& options, WallTime base, std::vector<crypto::KeyPair> keys,
             const uplink::Server& controller)
    : options_(options),
      tasks_(loop_,
             [](std::string_view name, std::string_view what) {
               FAULTLINE_CHECK(false, fmt::format("{}: {}", name, what));
             }),
      context_(make_context_of_many()),
      source_(options_, base),
      rng_(options.seed + 2) {
  for (std::uint32_t i = 0; i < options_.shape.nodes; ++i) {
    probes_.push_back(std::make_unique<LoadProbe>(
        Surroundings{{loop_, tasks_, context_}, options_, source_, figures_, rng_}, i, keys[i],
        controller));
  }
  tasks_.spawn("tick", tick());
}

Fleet::~Fleet() {
  tasks_.stop();
  loop_.restart();
  while (tasks_.running() > 0) loop_.run_one();
}

std::size_t Fleet::welcomed() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(probes_, [](const auto& probe) { return probe->welcomed(); }));
}

void Fleet::begin_load() {
  for (std::uint32_t i = 0; i < probes_.size(); ++i) source_.set_node(i, probes_[i]->node());
  loading_ = true;
}

async::awaitable<void> Fleet::tick() {
  while (true) {  // until the task is cancelled
    tick_all();
    co_await async::sleep_for(probe_core::kTickInterval);
  }
}

void Fleet::tick_all() {
  const probe_core::Now now{async::now_instant(), async::now_wall()};
  const auto count = static_cast<double>(probes_.size());
  for (std::size_t i = 0; i < probes_.size(); ++i) {
    probes_[i]->tick(now);
    if (!loading_) continue;
    if (options_.pace == Pace::kBacklog) {
      probes_[i]->set_due(now, options_.windows);
      continue;
    }
    const double windows = static_cast<double>((now.wall - source_.base()).count()) /
                           static_cast<double>(options_.shape.window.count());
    const double ended = windows - kReportDelayWindows * (1 + static_cast<double>(i) / count);
    if (ended >= 1) probes_[i]->set_due(now, static_cast<std::uint32_t>(ended));
  }
  const auto every = options_.faults.reconnect_every;
  if (!loading_ || every == Duration::zero() || now.instant < reconnect_due_) return;
  reconnect_due_ = now.instant + every;
  probes_[uniform_below(rng_, probes_.size())]->reconnect();
}

bool Fleet::run(std::string_view what, Duration time_max, const std::function<bool()>& done) {
  const auto begin = async::now_instant();
  auto progress_due = begin + kProgress;
  loop_.restart();
  while (!done()) {
    const auto now = async::now_instant();
    if (now - begin > time_max) return false;
    if (now >= progress_due) {
      progress_due = now + kProgress;
      fmt::print(stderr, "  {}: {:.0f} s, {} of {} probes welcomed, {} windows sent, {} stored\n",
                 what, in_seconds(now - begin), welcomed(), probes_.size(), figures_.windows_sent,
                 figures_.windows_stored);
    }
    // `done` is asked about a thousand times a second at most: it may look at every probe.
    const auto slice_end = std::chrono::steady_clock::now() + milliseconds{1};
    loop_.run_one_for(milliseconds{20});
    while (std::chrono::steady_clock::now() < slice_end && loop_.poll_one() > 0) continue;
  }
  return true;
}

}  // namespace faultline::load
