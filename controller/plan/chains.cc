#include "controller/plan/chains.h"

#include <algorithm>
#include <numeric>

namespace faultline::plan {

Chains::Chains(std::span<const DirectedLink> links, const std::vector<bool>& is_end)
    : root_(links.size()) {
  std::iota(root_.begin(), root_.end(), LinkNumber{0});
  std::vector<std::vector<LinkNumber>> in(is_end.size());
  std::vector<std::vector<LinkNumber>> out(is_end.size());
  for (LinkNumber link = 0; link < links.size(); ++link) {
    in[links[link].to].push_back(link);
    out[links[link].from].push_back(link);
  }
  for (std::size_t device = 0; device < in.size(); ++device) {
    if (!is_end[device]) join_through(links, in[device], out[device]);
  }
}

LinkNumber Chains::root(LinkNumber link) const {
  while (root_[link] != link) link = root_[link];
  return link;
}

// A device with two cables passes all that comes in by one out by the other.
void Chains::join_through(std::span<const DirectedLink> links, const std::vector<LinkNumber>& in,
                          const std::vector<LinkNumber>& out) {
  for (const auto entering : in) {
    const auto turns_back = [&](LinkNumber leaving) {
      return links[leaving].to == links[entering].from;
    };
    if (std::ranges::count_if(out, turns_back) + 1 != std::ssize(out)) continue;
    const auto leaving = *std::ranges::find_if_not(out, turns_back);
    const auto from_others = std::ranges::count_if(
        in, [&](LinkNumber other) { return links[other].from != links[leaving].to; });
    if (from_others == 1) root_[root(entering)] = root(leaving);
  }
}

}  // namespace faultline::plan
