// Reports that are not sealed yet, as the history of results reads them (rocks_history.cc).
//
// Why it exists: keys of `windows` begin with the time, so that a report is written where the last
// one was. One node's must be picked from each window, and each place that is looked at is a report
// to read from the disk and to unpack. So of a known node the next window is looked for where the
// last one ended: of two windows of the same plan that follow each other nothing lies between, and
// where anything else is found the gap is searched. All of the node's reports of the window are
// taken, of whichever boot, and what follows them is not looked at.
#pragma once

#include <functional>
#include <optional>

#include <rocksdb/snapshot.h>

#include "common/model/report.h"
#include "controller/store/database.h"
#include "controller/store/history.h"
#include "controller/store/scan_summary.h"

namespace faultline::store {

struct FreshQuery {
  WallTime from{};
  WallTime to{};                   // windows that begin in [from, to)
  std::optional<NodeId> node{};    // whose reports; all nodes'
  std::optional<NodeId> target{};  // only flows and delays to it; to all
};

// Without paths. Return false to end the scan.
using FreshVisitor = std::function<bool(NodeId, const Report&)>;

// Ascending by window. What is damaged is skipped and noted in the summary. False: the visitor
// ended it.
[[nodiscard]] Result<bool> scan_fresh(const Database& database, const FreshQuery& query,
                                      const rocksdb::Snapshot* snapshot, ScanSummary& summary,
                                      const FreshVisitor& visitor);

// Of all nodes: what each report says of each target, in pieces (views.h, scan_sums).
[[nodiscard]] Result<bool> scan_fresh_sums(const Database& database, WallTime from, WallTime to,
                                           const rocksdb::Snapshot* snapshot, ScanSummary& summary,
                                           const RollupVisitor& visitor);

}  // namespace faultline::store
