// RocksViews: the Views on RocksDB (views.h says what they promise).
#pragma once

#include "controller/store/database.h"
#include "controller/store/views.h"

namespace faultline::store {

class RocksViews final : public Views {
 public:
  explicit RocksViews(Database& database) : database_(database) {}

  Result<ScanSummary> scan_reports(WallTime from, WallTime to, std::optional<NodeId> node,
                                   const ReportVisitor& visitor) const override;
  Result<ScanSummary> scan_pair(NodeId source, NodeId target, WallTime from, WallTime to,
                                const PairVisitor& visitor) const override;
  Result<ScanSummary> scan_sums(WallTime from, WallTime to,
                                const RollupVisitor& visitor) const override;
  Result<ScanSummary> scan_rollups(const RollupQuery& query,
                                   const RollupVisitor& visitor) const override;
  Result<std::vector<StoredPath>> load_paths(WallTime at,
                                             std::optional<NodeId> reporter) const override;
  Result<std::vector<StoredPath>> load_path_history(WallTime from, WallTime to) const override;
  Status drop_paths_before(WallTime horizon) override;

 private:
  Database& database_;
};

}  // namespace faultline::store
