// Journal: the append-only record of everything that probes reported, as they reported it.
//
// Why it exists: results are acknowledged to probes only when they are here, and everything derived
// (baselines, counters, evidence) is rebuilt from here at start. It is an interface in domain terms
// so that a distributed log can take its place (DESIGN.md decision 12).
//
// Durability: append() returns success only when all it was given is on stable storage, as one
// unit: after a crash all of it is there or none. Appends are idempotent by (node, boot, sequence,
// window_start).
// Thread safety: append() and drop_before() from one thread (the writer); reads from any thread,
// each on the state of the moment it began.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/model/control.h"
#include "controller/ingest/dedup.h"
#include "controller/store/scan_summary.h"
#include "controller/store/tiers.h"
#include "controller/store/views.h"

namespace faultline::store {

// One batch as it arrived (common/model/control.h says what a gap is).
struct JournalEntry {
  NodeId node;
  BootId boot;
  std::uint64_t first_sequence = 0;
  std::uint64_t sequence = 0;
  std::uint64_t results_dropped = 0;
  WallTime window_start{};         // of the report; of a gap: the window in which it arrived
  std::vector<std::byte> payload;  // the encoded Report, untouched; empty for a gap

  [[nodiscard]] bool is_gap() const { return payload.empty(); }
  bool operator==(const JournalEntry&) const = default;
};

// Return false to end the scan.
using JournalVisitor = std::function<bool(const JournalEntry&)>;

struct SealProgress {
  std::uint64_t reports = 0;       // moved
  std::uint64_t flow_windows = 0;  // in them
  std::uint64_t repeated = 0;      // were sealed before: removed
  std::uint64_t damaged = 0;       // could not be read
  bool done = false;               // nothing before the horizon is left

  bool operator==(const SealProgress&) const = default;
};

class Journal {
 public:
  virtual ~Journal() = default;

  // `paths` are the ones of these entries that are to be kept (views.h, needs_storing). An entry
  // larger than kBatchPayloadMax is refused with kLimit, and nothing is written.
  [[nodiscard]] virtual Status append(std::span<const JournalEntry> entries,
                                      std::span<const ingest::DedupRow> dedup,
                                      std::span<const StoredPath> paths = {}) = 0;

  // Entries that were not sealed yet with from <= window_start < to, of all nodes, ascending by
  // window_start. Views::scan_reports has all.
  [[nodiscard]] virtual Result<ScanSummary> scan_windows(WallTime from, WallTime to,
                                                         const JournalVisitor& visitor) const = 0;
  [[nodiscard]] virtual Result<std::vector<ingest::DedupRow>> load_dedup() const = 0;

  // Moves a bounded number of entries, whose blocks (tiers.h) ended before the horizon, into the
  // form that they are kept in; Views then has them. Call again until `done`.
  [[nodiscard]] virtual Result<SealProgress> seal_slice(WallTime before) = 0;

  // Retention: entries with window_start < horizon are gone. Drops whole ranges; its cost does not
  // depend on how much is dropped.
  [[nodiscard]] virtual Status drop_before(WallTime horizon) = 0;
  // The same for every tier, by age and then by size (tiers.h). Blocks and roll-ups go by whole
  // buckets, when all of one is too old. By age one call drops no more of a tier than a step of it:
  // a wrong `now` does not cost the history; what lies a year before all the rest goes beside it, so
  // that a window of 1970 holds nothing up. Returns the horizon that raw results were held to;
  // what else is kept as long goes by it as well.
  [[nodiscard]] virtual Result<WallTime> retain(WallTime now, const Retention& retention) = 0;
};

}  // namespace faultline::store
