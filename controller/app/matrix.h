// MatrixBook: sums what pairs of nodes measured into cells of groups: a rack, any other label, or
// each node.
//
// Why it exists: the matrix of a thousand nodes has a million cells, and is asked for while an
// incident is open. So names are looked up once a node, and cells are places in one array.
//
// By the labels that nodes have now: those of the past are not kept. What was measured by or to
// nodes that are no longer in the fleet is left out.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "controller/api/views.h"
#include "controller/app/snapshot.h"
#include "controller/store/history.h"

namespace faultline::app {

class MatrixBook {
 public:
  // kLimit when there are more than api::kMatrixGroupsMax groups, kNotFound when no node has the
  // label (without a rack all are one group).
  [[nodiscard]] static Result<MatrixBook> create(const Snapshot& snapshot, const std::string& by);

  void add(NodeId source, const Report& report);
  void add(const store::Rollup& sum);
  // With everything but its times. The book is empty afterwards.
  [[nodiscard]] api::MatrixView finish();

 private:
  using Group = std::uint32_t;
  static constexpr Group kNowhere = ~Group{0};

  MatrixBook() = default;
  [[nodiscard]] Group group_of(NodeId node) const;
  [[nodiscard]] std::size_t place(Group from, Group to) const {
    return std::size_t{from} * view_.groups.size() + to;
  }
  // `flows` windows of flows: one, or all of a pair's in a sum.
  template <typename Counts>
  void add_counts(Group from, Group to, const Counts& counts, std::uint64_t flows);
  void add_delays(Group from, Group to, const stats::Histogram& rtt);

  api::MatrixView view_;
  std::unordered_map<NodeId, Group> groups_;
  std::vector<std::uint32_t> delay_numbers_;  // of each cell; 0: none
  std::deque<stats::Histogram> delays_;       // number 1 is the first
};

}  // namespace faultline::app
