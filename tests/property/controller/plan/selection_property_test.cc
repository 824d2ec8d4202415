// Random fat trees: what the selection promises, checked by comparing footprints one by one.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "controller/plan/footprints.h"
#include "controller/plan/selection.h"
#include "tests/bench/plan/fat_tree.h"
#include "tests/support/catch.h"

namespace faultline::plan {
namespace {

using bench::Candidates;
using bench::FatTree;

constexpr std::uint64_t kSelections = 6;
constexpr std::uint32_t kPerHost = 64;

using Rows = std::set<std::pair<FlowNumber, std::uint32_t>>;
using FlowSet = std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint16_t>>;

// By link, the slow way.
std::vector<Rows> footprints_of(const FlowRoutes& routes, const std::vector<FlowNumber>& flows) {
  std::vector<Rows> rows(routes.links());
  for (const auto flow : flows) {
    for (const auto& crossing : routes.crossings(flow)) {
      for (const auto bit : {kForwardRow, kReturnRow}) {
        if ((crossing.rows & bit) != 0) rows[crossing.link].emplace(flow, bit);
      }
    }
  }
  return rows;
}

FlowSet to_set(const Candidates& all, const std::vector<FlowNumber>& flows) {
  FlowSet set;
  for (const auto flow : flows) {
    const auto& [ends, port] = all.flows[flow];
    set.emplace(ends.source, ends.target, port);
  }
  return set;
}

std::vector<FlowNumber> numbers_of(const Candidates& all, const FlowSet& wanted) {
  std::vector<FlowNumber> found;
  for (FlowNumber flow = 0; flow < all.routes.size(); ++flow) {
    const auto& [ends, port] = all.flows[flow];
    if (wanted.contains({ends.source, ends.target, port})) found.push_back(flow);
  }
  return found;
}

// Flows that come or go, but for those of the host itself, which cannot stay.
std::size_t others_changed(const FlowSet& before, const FlowSet& after, std::uint32_t host) {
  std::size_t changed = 0;
  for (const auto& [one, other] : {std::pair(&before, &after), std::pair(&after, &before)}) {
    for (const auto& flow : *one) {
      const bool its_own = std::get<0>(flow) == host || std::get<1>(flow) == host;
      if (!its_own && !other->contains(flow)) ++changed;
    }
  }
  return changed;
}

TEST_CASE("in a fat tree every link is covered and told from every other, near the lower bound",
          "[plan]") {
  for (std::uint64_t seed = 5001; seed < 5001 + kSelections; ++seed) {
    CAPTURE(seed);
    const FatTree tree(8, seed);
    const auto all = candidates(tree, kPerHost, seed, {});
    const auto selection = select_flows(all.routes, {}, {});
    const auto footprints = footprints_of(all.routes, selection.flows);
    const std::set<Rows> different(footprints.begin(), footprints.end());
    REQUIRE(different.size() == tree.links());
    REQUIRE(!different.contains(Rows{}));
    REQUIRE(static_cast<double>(selection.flows.size()) <=
            1.2 * flows_lower_bound(tree.links(), 6));
  }
}

TEST_CASE("links are crossed by three pairs of hosts, and no two mask a third", "[plan]") {
  for (std::uint64_t seed = 5001; seed < 5001 + kSelections; ++seed) {
    CAPTURE(seed);
    const FatTree tree(8, seed);
    const auto all = candidates(tree, 2 * kPerHost, seed, {});
    const auto selection = select_flows(all.routes, {}, {.host_pairs_min = 3, .unmask = true});
    const auto footprints = footprints_of(all.routes, selection.flows);
    std::map<std::pair<FlowNumber, std::uint32_t>, std::vector<LinkNumber>> links_of;
    for (LinkNumber link = 0; link < footprints.size(); ++link) {
      std::set<std::uint64_t> pairs;
      for (const auto& row : footprints[link]) {
        pairs.insert(all.routes.ends(row.first).pair());
        links_of[row].push_back(link);
      }
      REQUIRE(pairs.size() >= 3);
    }
    const auto missed = [&](const Rows& rows, LinkNumber by) {
      Rows rest;
      std::ranges::set_difference(rows, footprints[by], std::inserter(rest, rest.end()));
      return rest;
    };
    for (LinkNumber link = 0; link < footprints.size(); ++link) {
      CAPTURE(link);
      for (const auto first : links_of[*footprints[link].begin()]) {
        if (first == link) continue;
        const auto rest = missed(footprints[link], first);
        REQUIRE(!rest.empty());
        for (const auto second : links_of[*rest.begin()]) {
          if (second != link) REQUIRE(!missed(rest, second).empty());
        }
      }
    }
  }
}

TEST_CASE("a host that goes or comes leaves all but one in a hundred of the others' flows alone",
          "[plan]") {
  for (std::uint64_t seed = 5001; seed < 5001 + kSelections; ++seed) {
    CAPTURE(seed);
    const FatTree tree(14, seed);
    const auto host = static_cast<std::uint32_t>(seed % tree.hosts());
    const auto all = candidates(tree, kPerHost, seed, {});
    const auto fewer = candidates(tree, kPerHost, seed, host);
    const SelectionConfig config{.host_pairs_min = 3};
    const auto full = to_set(all, select_flows(all.routes, {}, config).flows);
    const auto kept = numbers_of(fewer, full);
    const auto without =
        to_set(fewer, select_flows(fewer.routes, {.in_force = kept}, config).flows);
    const auto left = numbers_of(all, without);
    const auto again = to_set(all, select_flows(all.routes, {.in_force = left}, config).flows);
    REQUIRE(others_changed(full, without, host) * 100 <= full.size());
    REQUIRE(others_changed(without, again, host) * 100 <= full.size());
  }
}

TEST_CASE("what is in force and sufficient stays exactly as it is", "[plan]") {
  for (std::uint64_t seed = 5001; seed < 5001 + kSelections; ++seed) {
    CAPTURE(seed);
    const FatTree tree(8, seed);
    const auto all = candidates(tree, kPerHost, seed, {});
    const SelectionConfig config{.host_pairs_min = 3, .unmask = true};
    const auto first = select_flows(all.routes, {}, config);
    const auto second = select_flows(all.routes, {.in_force = first.flows}, config);
    REQUIRE(second.flows == first.flows);
    REQUIRE(second.dropped == 0);
  }
}

}  // namespace
}  // namespace faultline::plan
