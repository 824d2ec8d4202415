// Footprints: for every link the rows of the chosen flows that cross it, and what follows from
// them.
//
// Why it exists: the questions that a plan must answer are about footprints. Is a link crossed, and
// by how many different pairs of hosts? Is there another with the same footprint (then the two
// cannot be told apart)? Are there two others that together are crossed by all of its rows (then
// faults on those two would hide one on it: it is masked)? A design without a masked link is
// 2-disjunct in the words of group testing (Kautz and Singleton, 1964): any two faults at once are
// told from any other one or two. Flows can be added and removed at a cost of their length.
//
// Equality is by the XOR of a 64-bit hash of each row: of 200,000 links two collide by chance once
// in a billion plans.
//
// Thread safety: none. `routes` must outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "controller/plan/flow_routes.h"

namespace faultline::plan {

class Footprints {
 public:
  explicit Footprints(const FlowRoutes& routes);

  void add(FlowNumber flow);
  void remove(FlowNumber flow);  // one that was added

  [[nodiscard]] std::uint32_t covered() const { return covered_; }
  // Different footprints of covered links.
  [[nodiscard]] std::uint32_t distinct() const {
    return static_cast<std::uint32_t>(links_by_hash_.size());
  }
  [[nodiscard]] std::uint32_t crossing_rows(LinkNumber link) const {
    return static_cast<std::uint32_t>(rows_[link].size());
  }
  [[nodiscard]] std::uint64_t hash(LinkNumber link) const { return hashes_[link]; }
  // Of different host pairs whose flows cross the link, counted up to `limit`.
  [[nodiscard]] std::uint32_t host_pairs(LinkNumber link, std::uint32_t limit) const;
  [[nodiscard]] bool has_pair(LinkNumber link, std::uint64_t pair) const;
  // Two links that are together crossed by all rows that cross this one (both the same: one alone
  // is). Empty when there are none, and for a link that is not covered.
  using Maskers = std::pair<LinkNumber, LinkNumber>;
  [[nodiscard]] std::optional<Maskers> maskers(LinkNumber link) const;
  // Whether a row of the flow crosses `link` but neither of the two.
  [[nodiscard]] bool unmasks(FlowNumber flow, LinkNumber link, const Maskers& maskers) const;

 private:
  struct Row {
    FlowNumber flow = 0;
    std::uint32_t rows = 0;  // one bit

    bool operator==(const Row&) const = default;
  };
  [[nodiscard]] bool crosses(const Row& row, LinkNumber link) const;
  // The first row from `begin` on that crosses neither.
  [[nodiscard]] std::size_t next_outside(LinkNumber link, std::size_t begin, LinkNumber a,
                                         LinkNumber b) const;
  void change_hash(LinkNumber link, std::uint64_t by);

  const FlowRoutes& routes_;
  std::vector<std::vector<Row>> rows_;  // by link
  std::vector<std::uint64_t> hashes_;   // by link
  std::unordered_map<std::uint64_t, std::uint32_t> links_by_hash_;
  std::uint32_t covered_ = 0;
};

}  // namespace faultline::plan
