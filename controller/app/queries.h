// Queries: questions that are answered from the store, on query threads.
//
// Why it exists: history is read where it lies, so the loop keeps only what it decides with. Reads
// work on the store's snapshot of the moment and on the immutable Snapshot passed in.
//
// Thread safety: const, reentrant. Cost: proportional to what is asked for: kQuerySpanMax bounds
// raw windows, kRollupSpanMax what is read of sums.
#pragma once

#include <atomic>
#include <functional>

#include "controller/api/backend.h"
#include "controller/app/snapshot.h"
#include "controller/core/observations.h"
#include "controller/store/views.h"
#include "controller/topology/path_timeline.h"

namespace faultline::app {

// Of raw windows; a matrix or a history of a longer time, and service levels of any,
// are answered from roll-ups.
inline constexpr Duration kQuerySpanMax = std::chrono::hours{24};
inline constexpr Duration kRollupSpanMax = std::chrono::hours{24 * 366 * 3};
// Of one localize or bundle, in memory at once (about 0.5 GB). More is refused with kLimit, and the
// error says how long an interval this fleet fits in.
inline constexpr std::size_t kObservationsMax = 5'000'000;

// Of the rows that are asked for.
struct StoredTimes {
  WallTime now{};
  std::optional<WallTime> oldest{};
};

[[nodiscard]] api::HistoryRow history_row(WallTime start, const store::Rollup& sum,
                                          std::uint64_t flows);

class Queries {
 public:
  struct Options {
    std::size_t observations_max = kObservationsMax;
  };

  // `stopping` turns true, on any thread, when the process ends: reads then break off.
  Queries(const store::Views& views, const std::atomic<bool>& stopping, Options options)
      : views_(views), stopping_(stopping), options_(options) {}

  [[nodiscard]] Result<api::MatrixView> matrix(const Snapshot& snapshot,
                                               const api::MatrixRequest& request) const;
  [[nodiscard]] Result<api::HistoryView> history(const Snapshot& snapshot, NodeId src, NodeId dst,
                                                 WallTime now,
                                                 const api::HistoryRequest& request) const;
  // Rows of api/export_text.h, an hour (of sums by the hour a day) after the other, in each node
  // after node. Streams, as slo() does: what it holds is that of one node.
  // Begins where what is stored does; kNotFound when that is behind the interval's end.
  [[nodiscard]] Status export_results(const Snapshot& snapshot, const StoredTimes& stored,
                                      const api::ExportRequest& request,
                                      const api::TextSink& sink) const;
  // Streams: what it holds does not grow with the period.
  [[nodiscard]] Result<api::SloView> slo(const Snapshot& snapshot, WallTime now,
                                         const api::SloRequest& request) const;
  [[nodiscard]] Result<api::PathView> path(const Snapshot& snapshot, NodeId src, NodeId dst) const;
  [[nodiscard]] Result<api::LocalizeAnswer> localize(const Snapshot& snapshot, WallTime from,
                                                     WallTime to) const;
  // `snapshot` with the paths that were known at `at`, and a topology that only they have taught.
  // kNotFound where no path so old is stored. The nodes stay those of `snapshot`.
  [[nodiscard]] Result<Snapshot> as_of(const Snapshot& snapshot, WallTime at) const;
  // What one node reported of windows that begin in [from, to), oldest first.
  [[nodiscard]] Result<std::vector<Report>> reports_of(NodeId node, WallTime from,
                                                       WallTime to) const;
  // Observations of windows that begin in [from, to), each seen with the paths of its own
  // time: whoever asks for a window, and when, gets the same observations.
  [[nodiscard]] Status observe(
      const Snapshot& snapshot, WallTime from, WallTime to,
      const std::function<Status(const localize::ObservationSet&)>& use) const;

 private:
  using ReportVisitor = std::function<Status(NodeId, const Report&)>;  // an Error ends the scan
  [[nodiscard]] Status scan(WallTime from, WallTime to, std::optional<NodeId> node,
                            const ReportVisitor& visit) const;
  [[nodiscard]] Status scan_rollups(const store::RollupQuery& query,
                                    const std::function<void(const store::Rollup&)>& visit) const;

  const store::Views& views_;
  const std::atomic<bool>& stopping_;
  const Options options_;
};

}  // namespace faultline::app
