// Source: makes the reports that the simulated probes send, and remembers what was in each.
//
// Reports are those of tests/support/fleet_reports.h with the fabric's paths and faults on top. Of
// each only a digest is kept, by node and window, for the comparison with the store at the end:
// nine bytes a window.
// Thread safety: none; the loop's.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/load/fabric.h"
#include "tests/load/options.h"

namespace faultline::load {

// Of all flows, in whatever order.
[[nodiscard]] std::uint64_t digest_of(const Report& report);

class Source {
 public:
  // Window 0 begins at `base`.
  Source(const LoadOptions& options, WallTime base);

  // Who is who at the controller, before the first report.
  void set_node(std::uint32_t index, NodeId node) { nodes_[index] = node; }
  // Windows of a probe are asked for in order.
  [[nodiscard]] Report make(std::uint32_t index, std::uint32_t window);
  void acknowledged(std::uint32_t index, std::uint32_t window);

  struct Record {
    std::uint64_t digest = 0;  // 0: not made yet
    bool is_acknowledged = false;
  };
  [[nodiscard]] const Record& record(std::uint32_t index, std::uint32_t window) const {
    return records_[std::size_t{index} * options_.windows + window];
  }
  [[nodiscard]] WallTime base() const { return base_; }
  [[nodiscard]] WallTime start_of(std::uint32_t window) const {
    return base_ + options_.shape.window * static_cast<std::int64_t>(window);
  }
  [[nodiscard]] const std::vector<NodeId>& nodes() const { return nodes_; }

 private:
  Record& record_of(std::uint32_t index, std::uint32_t window) {
    return records_[std::size_t{index} * options_.windows + window];
  }
  void add_paths(std::uint32_t index, std::uint32_t window, Report& report) const;

  const LoadOptions options_;
  const WallTime base_;
  const Fabric fabric_;
  tests::FleetReports reports_;
  Rng rng_;
  std::vector<NodeId> nodes_;
  std::vector<Record> records_;
};

}  // namespace faultline::load
