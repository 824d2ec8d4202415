// What arrives at a store from a made fleet, window by window; and how its cost is taken. For all
// benchmarks that measure a store.
#pragma once

#include <sys/resource.h>

#include <cstdlib>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/wire/report_codec.h"
#include "controller/store/journal.h"
#include "tests/support/fleet_reports.h"

namespace faultline::bench {

inline constexpr WallTime kBegin = wall_time_from_unix_seconds(1'795'305'600);  // at midnight

// Of all threads of this process.
inline double process_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Runs `work`; returns processor seconds of all threads.
template <typename Work>
double timed(Work work) {
  const double before = process_seconds();
  work();
  return process_seconds() - before;
}

// A benchmark has nothing to measure after a failure: it says so and ends.
inline void must(const Status& status) {
  if (status) return;
  fmt::print(stderr, "{}\n", status.error().context);
  std::exit(1);
}

template <typename T>
T must(Result<T> result) {
  if (!result) must(Status(tl::unexpected(result.error())));
  return *std::move(result);
}

// One window of the whole fleet, encoded as it would arrive.
struct Arrivals {
  WallTime start{};
  std::vector<store::JournalEntry> entries{};
  std::vector<ingest::DedupRow> dedup{};
};

class Fleet {
 public:
  // Windows from `begin` on, with sequence numbers behind `sequence`.
  explicit Fleet(const tests::FleetShape& shape, WallTime begin = kBegin,
                 std::uint64_t sequence = 0)
      : shape_(shape), reports_(shape, 5000), next_(begin), sequence_(sequence) {}

  Arrivals next() {
    return next([](NodeId, const Report&) {}, shape_.nodes);
  }

  // Of the first `nodes`; `see` is shown each report as it is encoded.
  template <typename See>
  Arrivals next(See see, std::uint32_t nodes) {
    ++sequence_;
    Arrivals arrivals{.start = next_};
    next_ += shape_.window;
    for (std::uint32_t node = 1; node <= nodes; ++node) {
      const Report report = reports_.make(node, arrivals.start);
      see(NodeId{node}, report);
      arrivals.entries.push_back({.node = NodeId{node},
                                  .boot = BootId{node},
                                  .first_sequence = sequence_,
                                  .sequence = sequence_,
                                  .window_start = arrivals.start,
                                  .payload = wire::encode(report)});
      arrivals.dedup.push_back({NodeId{node}, BootId{node}, {{1, sequence_}}, arrivals.start});
    }
    return arrivals;
  }

 private:
  tests::FleetShape shape_;
  tests::FleetReports reports_;
  WallTime next_;
  std::uint64_t sequence_;
};

}  // namespace faultline::bench
