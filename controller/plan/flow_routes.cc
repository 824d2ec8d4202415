#include "controller/plan/flow_routes.h"

#include <algorithm>

#include "common/base/check.h"

namespace faultline::plan {

FlowNumber FlowRoutes::add(const FlowEnds& ends, std::span<const LinkNumber> forward,
                           std::span<const LinkNumber> back) {
  const auto begin = static_cast<std::ptrdiff_t>(crossings_.size());
  const auto append = [&](std::span<const LinkNumber> row, std::uint32_t bit) {
    for (const auto link : row) {
      FAULTLINE_CHECK(link < links_, "a flow crosses a link that exists");
      crossings_.push_back({.link = link & (kRoutedLinksMax - 1), .rows = bit & 3U});
    }
  };
  append(forward, kForwardRow);
  append(back, kReturnRow);
  std::sort(crossings_.begin() + begin, crossings_.end(),
            [](const Crossing& a, const Crossing& b) { return a.link < b.link; });
  auto out = crossings_.begin() + begin;
  for (auto in = out; in != crossings_.end(); ++out) {
    *out = *in;
    for (++in; in != crossings_.end() && in->link == out->link; ++in) {
      out->rows = (out->rows | in->rows) & 3U;
    }
  }
  crossings_.erase(out, crossings_.end());
  crossing_ends_.push_back(crossings_.size());
  ends_.push_back(ends);
  return static_cast<FlowNumber>(ends_.size() - 1);
}

}  // namespace faultline::plan
