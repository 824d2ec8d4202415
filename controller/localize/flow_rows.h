// FlowRows: the rows inside a horizon, those of one flow next to each other.
//
// Why it exists: a flow is the unit of inference, and a set holds its windows as separate rows in
// any order. Rows are grouped by their forward route first, which takes two passes and no sorting;
// within a route only flows of several windows need any.
//
// Thread safety: immutable once built. The ObservationSet must outlive it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "controller/localize/problem.h"

namespace faultline::localize {

class FlowRows {
 public:
  FlowRows(const ObservationSet& set, const LocalizeOptions& options);

  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  // Indexes of rows, by route.
  [[nodiscard]] const std::vector<std::uint32_t>& all() const { return rows_; }
  [[nodiscard]] std::span<const std::uint32_t> on_route(RouteIndex route) const {
    const std::uint32_t begin = route.value() == 0 ? 0 : ends_[route.value() - 1];
    return {rows_.data() + begin, ends_[route.value()] - begin};
  }
  // Calls visit(rows) for each flow on the route; without flow names each row may be one.
  template <typename Visitor>
  void visit_flows(RouteIndex route, Visitor visit) const;

  // All of a flow's rows as one record, but for its route.
  [[nodiscard]] FlowRecord sum(std::span<const std::uint32_t> rows) const;

 private:
  void sort_route(std::span<std::uint32_t> rows) const;
  // How many rows from the first on belong to one key, and whether they are one flow.
  [[nodiscard]] std::size_t same_key(std::span<const std::uint32_t> rows) const;
  [[nodiscard]] bool are_one_flow(std::span<const std::uint32_t> rows) const;

  const ObservationSet& set_;
  std::vector<std::uint32_t> rows_;
  std::vector<std::uint32_t> ends_;  // by route
};

template <typename Visitor>
void FlowRows::visit_flows(RouteIndex route, Visitor visit) const {
  auto rows = on_route(route);
  while (!rows.empty()) {
    const std::size_t alike = same_key(rows);
    const std::size_t step = alike == 1 || are_one_flow(rows.first(alike)) ? alike : 1;
    for (std::size_t i = 0; i < alike; i += step) visit(rows.subspan(i, step));
    rows = rows.subspan(alike);
  }
}

}  // namespace faultline::localize
