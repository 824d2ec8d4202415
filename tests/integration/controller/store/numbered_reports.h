// Reports that are told apart by their numbers: number n is that of sequence n of one node, a
// window of a minute each, so that twenty fill a block.
#pragma once

#include "common/wire/report_codec.h"
#include "controller/store/journal.h"

namespace faultline::store {

inline WallTime numbered_window(std::uint64_t number) {
  return wall_time_from_unix_seconds(1'795'316'400 + 60 * static_cast<std::int64_t>(number));
}

inline Report numbered_report(std::uint64_t number) {
  Report report{.plan = PlanRevision{number},
                .window_start = numbered_window(number),
                .window = std::chrono::minutes{1}};
  for (std::uint32_t target = 2; target < 6; ++target) {
    stats::Histogram rtt;
    rtt.add(1'000 * number, 60);
    report.delays.push_back({NodeId{target}, rtt});
    for (std::uint16_t port = 50'000; port < 50'004; ++port) {
      report.flows.push_back({.target = NodeId{target},
                              .source_port = port,
                              .sent = 60,
                              .rtt_min_ns = 900 * number,
                              .rtt_mean_ns = 1'000 * number + port,
                              .rtt_max_ns = 1'100 * number + 2 * port});
    }
  }
  return report;
}

inline JournalEntry numbered_entry(std::uint64_t number) {
  return {.node = NodeId{1},
          .boot = BootId{1001},
          .first_sequence = number,
          .sequence = number,
          .results_dropped = 0,
          .window_start = numbered_window(number),
          .payload = wire::encode(numbered_report(number))};
}

// How many of the numbers from 1 on are there. Each must be there as a whole and once; fails the
// test otherwise.
inline std::uint64_t numbers_stored(const Views& views) {
  std::vector<std::uint32_t> seen;
  const auto visit = [&](NodeId node, const Report& report) {
    const std::uint64_t number = report.plan.value();
    if (node != NodeId{1} || !(report == numbered_report(number))) return false;
    if (seen.size() < number) seen.resize(number);
    ++seen[number - 1];
    return true;
  };
  const auto summary = views.scan_reports(WallTime{}, WallTime::max(), {}, visit);
  if (!summary || summary->damaged > 0 || summary->visited != seen.size()) return 0;
  for (const std::uint32_t times : seen) {
    if (times != 1) return 0;
  }
  // Each flow of each report counts once in the hours, too.
  std::uint64_t flow_windows = 0;
  const auto rollups =
      views.scan_rollups({.from = WallTime{}, .to = WallTime::max() - std::chrono::hours{1}},
                         [&](const Rollup& rollup) {
                           flow_windows += rollup.flow_windows;
                           return true;
                         });
  return rollups && flow_windows == 16 * seen.size() ? seen.size() : 0;
}

}  // namespace faultline::store
