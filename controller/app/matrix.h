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

  void add(const store::Rollup& sum);
  // With everything but its times. The book is empty afterwards.
  [[nodiscard]] api::MatrixView finish();

 private:
  using Group = std::uint32_t;
  static constexpr Group kNowhere = ~Group{0};

  // What one group's nodes measured of another's.
  struct Sum {
    std::uint64_t flows = 0;
    std::uint64_t sent = 0;
    std::uint64_t lost_forward = 0;
    std::uint64_t lost_return = 0;
    std::uint64_t lost_undetermined = 0;
    stats::Histogram rtt{};
  };

  MatrixBook() = default;
  [[nodiscard]] Group group_of(NodeId node) const;
  [[nodiscard]] Group group_of_source(NodeId node);
  [[nodiscard]] std::size_t place(std::size_t from, std::size_t to) const {
    return from * view_.groups.size() + to;
  }
  [[nodiscard]] const Sum* sum_at(std::size_t from, std::size_t to) const;
  void fill_cell(std::size_t from, std::size_t to);

  api::MatrixView view_;
  std::unordered_map<NodeId, Group> groups_;
  std::pair<NodeId, Group> source_{{}, kNowhere};  // the last: sums of a source follow each other
  std::deque<Sum> sums_;
  std::vector<std::uint32_t> numbers_;  // of each pair of groups: which of sums_, from 1 on
};

}  // namespace faultline::app
