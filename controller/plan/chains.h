// Chains: which links follow each other without a branch, so that no flow can split them.
//
// Why it exists: two links with equal footprints are a gap of the plan, or the way the network is
// built. Coverage says which, and refinement asks for no flow that cannot exist.
//
// Pure. Thread safety: const calls may be shared.
#pragma once

#include <span>
#include <vector>

#include "controller/plan/coverage.h"

namespace faultline::plan {

class Chains {
 public:
  // `is_end`, by device: flows begin or end there.
  Chains(std::span<const DirectedLink> links, const std::vector<bool>& is_end);

  // The same for links in series.
  [[nodiscard]] LinkNumber root(LinkNumber link) const;

 private:
  void join_through(std::span<const DirectedLink> links, const std::vector<LinkNumber>& in,
                    const std::vector<LinkNumber>& out);

  std::vector<LinkNumber> root_;  // a forest
};

}  // namespace faultline::plan
