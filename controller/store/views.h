// Views: what questions are answered from. The history of results (history.h), raw and rolled up,
// sealed or not; and the paths of sessions, with their history.
//
// Thread safety: drop_paths_before() from one thread (the writer); reads from any thread.
#pragma once

#include <optional>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/model/ids.h"
#include "common/model/path.h"
#include "controller/store/history.h"
#include "controller/store/scan_summary.h"

namespace faultline::store {

// A path of the session (reporter, path.target, path.source_port) in path.direction.
struct StoredPath {
  NodeId reporter;
  PathRecord path;

  bool operator==(const StoredPath&) const = default;
};

// Paths are kept in one bucket per UTC day, so that retention drops whole days. An unchanged path
// is therefore stored once a day, and a path not confirmed since the day before is no longer known.
inline constexpr Duration kPathBucket = std::chrono::hours{24};

// Whether `traced` has to be passed to Journal::append, `stored` being what was passed last for its
// session and direction: it differs, or it is the first of its day.
[[nodiscard]] bool needs_storing(const PathRecord& stored, const PathRecord& traced);

// Held in memory by one scan_reports, about 100 MB.
inline constexpr std::size_t kOrderedFlowWindowsMax = 1 << 20;

class Views {
 public:
  virtual ~Views() = default;

  // Reports with from <= window_start < to, of one node or of all, each once. In order of time, but
  // for those that came late, and where a block holds more than kOrderedFlowWindowsMax of all
  // nodes: then it comes in several pieces, each in order of time.
  [[nodiscard]] virtual Result<ScanSummary> scan_reports(WallTime from, WallTime to,
                                                         std::optional<NodeId> node,
                                                         const ReportVisitor& visitor) const = 0;
  // What `source` measured of `target`. Reads the pair's blocks alone, and what is not sealed.
  [[nodiscard]] virtual Result<ScanSummary> scan_pair(NodeId source, NodeId target, WallTime from,
                                                      WallTime to,
                                                      const PairVisitor& visitor) const = 0;
  // What each pair measured in windows of [from, to), of all nodes, without their reports being put
  // together. A pair comes in pieces, in no order; of its round trips only the histogram counts,
  // and `late` is not told.
  [[nodiscard]] virtual Result<ScanSummary> scan_sums(WallTime from, WallTime to,
                                                      const RollupVisitor& visitor) const = 0;
  [[nodiscard]] virtual Result<ScanSummary> scan_rollups(const RollupQuery& query,
                                                         const RollupVisitor& visitor) const = 0;

  // For every session and direction (of one reporter, or of all) the latest path traced at or
  // before `at`, looking back to the beginning of the day before. Ordered by reporter within a
  // partition, so in no order that a caller should rely on.
  [[nodiscard]] virtual Result<std::vector<StoredPath>> load_paths(
      WallTime at, std::optional<NodeId> reporter = {}) const = 0;

  // All paths of [from, to]: those of load_paths(from), and every one traced after it. A session's
  // come in order of time.
  [[nodiscard]] virtual Result<std::vector<StoredPath>> load_path_history(WallTime from,
                                                                          WallTime to) const = 0;

  // Forgets the days that ended before `horizon`.
  [[nodiscard]] virtual Status drop_paths_before(WallTime horizon) = 0;
};

}  // namespace faultline::store
