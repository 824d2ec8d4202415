// Separation: which links the flows taken so far cross, and which of them they can tell apart.
//
// Why it exists: two links with the same footprint (crossed by the same rows) lose the same packets
// whichever of them is at fault, so no inference tells them apart. This keeps the classes of links
// with equal footprints while flows are added, at a cost of the length of the flow.
//
// Following deTector (ATC 2017): a flow is worth the links that it covers for the first time plus
// the classes that it splits. When every link is covered and alone in its class, every single fault
// is named by which rows lose.
//
// Thread safety: none.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "controller/plan/flow_routes.h"

namespace faultline::plan {

class Separation {
 public:
  explicit Separation(std::uint32_t links);

  // Newly covered links plus classes split, were this flow added. Changes nothing that shows.
  [[nodiscard]] std::uint32_t gain(std::span<const Crossing> flow);
  // What gain() can be at most, now and whatever is added until then: a link that is alone in its
  // class never is in another again.
  [[nodiscard]] std::uint32_t gain_most(std::span<const Crossing> flow) const;
  void add(std::span<const Crossing> flow);

  [[nodiscard]] std::uint32_t covered() const { return covered_; }
  [[nodiscard]] bool is_covered(LinkNumber link) const { return class_of_[link] != 0; }
  // Of covered links. covered() of them: every single fault is identifiable.
  [[nodiscard]] std::uint32_t classes() const {
    return static_cast<std::uint32_t>(size_.size()) - 1;
  }
  // 0: not covered. Equal: not told apart.
  [[nodiscard]] std::uint32_t class_of(LinkNumber link) const { return class_of_[link]; }
  [[nodiscard]] std::uint32_t size_of(std::uint32_t id) const { return size_[id]; }

 private:
  struct Cell {  // links of one class that the same rows of the flow cross
    std::uint32_t id = 0;
    std::uint32_t rows = 0;
    LinkNumber link = 0;
  };
  void sort_cells(std::span<const Crossing> flow);

  std::vector<std::uint32_t> class_of_;
  std::vector<std::uint32_t> size_;  // by class; class 0 is never used up: no fault looks like it
  std::uint32_t covered_ = 0;
  std::vector<Cell> cells_;  // scratch
};

}  // namespace faultline::plan
