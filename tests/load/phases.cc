#include "tests/load/phases.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

#include <fmt/format.h>

#include "common/async/clock.h"

namespace faultline::load {
namespace {

// Of faultline-controller, by thread: what judges, plans and answers, rather than takes in.
constexpr std::array<std::string_view, 9> kBesideThePath{
    "solver", "planner", "query", "query-quick", "query-stream",
    "change", "notify",  "log",   "handshakes"};

double since(Instant begin) {
  return std::chrono::duration<double>(async::now_instant() - begin).count();
}

double mebibytes(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace

bool raise_descriptor_limit(std::uint64_t wanted) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur >= wanted;
}

WallTime base_of(const LoadOptions& options, WallTime now) {
  const Duration window = options.shape.window;
  if (options.pace == Pace::kLive) return window_start(now, window);
  return window_start(now, window) - window * static_cast<std::int64_t>(options.windows);
}

Result<double> connect_all(Fleet& fleet, Duration time_max) {
  const auto begin = async::now_instant();
  if (fleet.run("connecting", time_max, [&] { return fleet.all_welcomed(); })) {
    return since(begin);
  }
  return fail(ErrorCode::kUnavailable,
              fmt::format("only {} probes were welcomed in time", fleet.welcomed()));
}

Measured carry(Fleet& fleet, pid_t pid, Duration time_max) {
  Measured measured;
  const auto before = thread_seconds(pid);
  const auto stored_before = fleet.figures().windows_stored;
  measured.resident_before = resident(pid);
  const auto begin = async::now_instant();
  fleet.begin_load();
  measured.in_time = fleet.run("loading", time_max, [&] { return fleet.all_stored(); });
  measured.seconds = since(begin);
  measured.threads = difference(thread_seconds(pid), before);
  measured.resident_after = resident(pid);
  measured.windows_stored = fleet.figures().windows_stored - stored_before;
  return measured;
}

double path_seconds(const ThreadSeconds& threads) {
  double sum = 0;
  for (const auto& [name, seconds] : threads) {
    if (std::ranges::find(kBesideThePath, name) == kBesideThePath.end()) sum += seconds;
  }
  return sum;
}

void print_latencies(const Fleet& fleet) {
  const auto& figures = fleet.figures();
  const auto print = [](const char* name, const stats::Histogram& after, const char* what) {
    if (after.count() == 0) return;
    const auto milliseconds = [&](double share) {
      return static_cast<double>(after.quantile(share).value_or(0)) / 1e6;
    };
    fmt::print("{:<18} p50 {:.1f} ms, p99 {:.1f} ms   {}\n", name, milliseconds(0.5),
               milliseconds(0.99), what);
  };
  print("acknowledged after", figures.acknowledged_in, "from the first sending on");
  // Of windows that are all due at once it says how long all of them take.
  if (fleet.pace() != Pace::kLive) return;
  print("live after", figures.live_durable_in, "from when it was due; durable");
  print("backlog after", figures.backlog_durable_in,
        "likewise, of windows that were due while their probe had no controller");
}

void print_rates(const Fleet& fleet, const Measured& measured) {
  const auto& figures = fleet.figures();
  const double results = fleet.results(measured.windows_stored);
  fmt::print("results            {:>12.0f}   in {:.1f} s: {:.0f} durable a second, {:.0f} sent\n",
             results, measured.seconds, results / measured.seconds,
             fleet.results(figures.windows_sent) / measured.seconds);
  print_latencies(fleet);
  if (measured.threads.empty()) return;
  const double path = path_seconds(measured.threads);
  fmt::print(
      "processor time     {:>9.1f} ns   a result on its way to the acknowledgement: {:.2f} M "
      "results/s per core\n",
      1e9 * path / results, results / path / 1e6);
  fmt::print("memory             {:>8.1f} MiB   resident; {:.1f} before the load\n",
             mebibytes(measured.resident_after), mebibytes(measured.resident_before));
}

void print_threads(const Fleet& fleet, const Measured& measured) {
  const double results = fleet.results(measured.windows_stored);
  fmt::print("by thread:\n");
  for (const auto& [name, seconds] : measured.threads) {
    if (seconds < 0.005) continue;
    const bool beside = std::ranges::find(kBesideThePath, name) != kBesideThePath.end();
    fmt::print("  {:16} {:>8.2f} s {:>9.1f} ns a result{}\n", name, seconds,
               1e9 * seconds / results, beside ? "   (not on its way)" : "");
  }
}

void print_counts(const Fleet& fleet) {
  const auto& figures = fleet.figures();
  fmt::print("windows            {:>12}   sent, {} stored, {} sent again; {:.2f} bytes a result\n",
             figures.windows_sent, figures.windows_stored, figures.sent_again,
             static_cast<double>(figures.bytes_sent) /
                 std::max(1.0, fleet.results(figures.windows_sent + figures.sent_again)));
  fmt::print("faults             {:>12}   late, {} reordered, {} lost, {} reconnects\n",
             figures.late, figures.reordered, figures.lost, figures.reconnects);
  fmt::print("plans              {:>12}   taken and acknowledged\n", figures.plans);
}

}  // namespace faultline::load
