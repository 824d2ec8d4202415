#include "tests/bench/plan/fat_tree.h"

#include "controller/plan/mix.h"

namespace faultline::bench {
namespace {

constexpr std::uint64_t kPorts = 16;

}  // namespace

FatTree::FatTree(std::uint32_t k, std::uint64_t seed)
    : half_(k / 2), hosts_(k * k * k / 4), seed_(seed) {}

std::uint32_t FatTree::choose(std::uint64_t tuple, std::uint64_t the_switch) const {
  return static_cast<std::uint32_t>(plan::mix(tuple ^ plan::mix(the_switch + seed_)) % half_);
}

plan::DirectedLink FatTree::ends(plan::LinkNumber link) const {
  const auto tier = link / hosts_ / 2;  // host, edge, core
  const auto lower = link % hosts_ / (tier == 0 ? 1 : half_);
  const auto way = link % half_;
  const auto switches = hosts_ / half_;  // of the edge, and as many of the aggregation
  const auto edge = hosts_;
  const auto aggregation = edge + switches;
  const auto core = aggregation + switches;
  std::uint32_t down = lower;
  std::uint32_t up = edge + lower / half_;
  if (tier == 1) {
    down = edge + lower;
    up = aggregation + lower / half_ * half_ + way;
  } else if (tier == 2) {
    down = aggregation + lower;
    up = core + lower % half_ * half_ + way;
  }
  if (link / hosts_ % 2 == 0) return {.from = down, .to = up};
  return {.from = up, .to = down};
}

// Six blocks of as many links as hosts: host up, host down, edge up, edge down, core up, core down.
std::vector<plan::LinkNumber> FatTree::route(std::uint32_t source, std::uint32_t target,
                                             std::uint16_t source_port, bool is_return) const {
  const auto edge_from = source / half_;
  const auto edge_to = target / half_;
  std::vector<plan::LinkNumber> links{source, hosts_ + target};
  if (edge_from == edge_to) return links;
  const auto ports = std::uint64_t{source_port} << 1 | (is_return ? 1 : 0);
  const auto tuple = plan::mix((std::uint64_t{source} << 32 | target) ^ plan::mix(ports));
  const auto way = choose(tuple, edge_from);
  links.push_back(2 * hosts_ + edge_from * half_ + way);
  links.push_back(3 * hosts_ + edge_to * half_ + way);
  const auto pod_from = edge_from / half_;
  const auto pod_to = edge_to / half_;
  if (pod_from == pod_to) return links;
  const auto aggregation = pod_from * half_ + way;
  const auto core = choose(tuple, std::uint64_t{1} << 40 | aggregation);
  links.push_back(4 * hosts_ + aggregation * half_ + core);
  links.push_back(5 * hosts_ + (pod_to * half_ + way) * half_ + core);
  return links;
}

Candidates candidates(const FatTree& tree, std::uint32_t per_host, std::uint64_t seed,
                      std::optional<std::uint32_t> without) {
  Candidates result{.flows = {}, .routes = plan::FlowRoutes(tree.links())};
  for (std::uint32_t source = 0; source < tree.hosts(); ++source) {
    for (std::uint32_t i = 0; i < per_host; ++i) {
      const auto draw = plan::mix(plan::mix(seed + source) + i);
      const auto target = static_cast<std::uint32_t>(draw % tree.hosts());
      const auto port = static_cast<std::uint16_t>(plan::mix(draw) % kPorts);
      if (target == source || without == source || without == target) continue;
      result.routes.add({source, target}, tree.route(source, target, port, false),
                        tree.route(target, source, port, true));
      result.flows.push_back({{source, target}, port});
    }
  }
  return result;
}

}  // namespace faultline::bench
