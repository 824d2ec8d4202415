// Which set of components is chosen, and how much evidence that takes.
#include <algorithm>

#include "controller/localize/localizer.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/localize/small_fabric.h"

namespace faultline::localize {
namespace {

using Rows = std::vector<SmallFabric::Row>;

bool crosses(const SmallFabric::Row& row, const std::string& from, const std::string& to) {
  const auto at = std::ranges::find(row.hops, from);
  return at != row.hops.end() && at + 1 != row.hops.end() && *(at + 1) == to;
}

bool accuses(const Verdict& verdict, const std::string& id) {
  return std::ranges::any_of(verdict.suspects, [&](const Suspect& it) { return it.id == id; });
}

// A fabric of 1,200 links in which four flows over one of them lose a packet each, beside four
// links that lose a tenth of everything or none.
Verdict four_losses(std::uint64_t packets, bool other_faults) {
  Rows rows =
      SmallFabric{.leaves = 24, .spines = 24, .hosts_per_leaf = 1, .flows_per_pair = 12}.rows(1);
  int left = 4;
  for (SmallFabric::Row& row : rows) {
    row.observation.sent = packets;
    if (left > 0 && crosses(row, "leaf1", "spine1")) {
      row.observation.lost = 1;
      --left;
    }
    for (int i = 5; other_faults && i < 9; ++i) {
      const std::string number = std::to_string(i);
      if (crosses(row, "leaf" + number, "spine" + number)) row.observation.lost = packets / 10;
    }
  }
  return localize(SmallFabric::build(rows), {});
}

TEST_CASE("the first fault of a network is not believed as easily as the fifth",
          "[localize][selection]") {
  // The more packets went by, the less four lost ones mean.
  CHECK(accuses(four_losses(50, false), "leaf1>spine1"));
  CHECK_FALSE(accuses(four_losses(90, false), "leaf1>spine1"));
  CHECK(accuses(four_losses(90, true), "leaf1>spine1"));
}

TEST_CASE("a group holds what the data leave one chance in a hundred", "[localize][selection]") {
  // Both directions of one way: much was lost there, and by chance a little on the way back. More
  // likely than one direction is both, and only just.
  Rows rows;
  const auto add = [&](std::vector<std::string> hops, std::vector<std::uint64_t> lost) {
    for (std::size_t i = 0; i < 8; ++i) {
      rows.push_back({.observation = {},
                      .hops = hops,
                      .flow = hops.front() + ":" + std::to_string(i) + ">" + hops.back()});
      rows.back().observation.sent = 70;
      rows.back().observation.lost = i < lost.size() ? lost[i] : 0;
    }
  };
  add({"h1", "a", "b", "c", "h2"}, {1, 2, 1, 1, 1});
  add({"h2", "c", "b", "a", "h1"}, {1, 2});
  for (const std::string other : {"h3", "h4", "h5", "h6"}) {
    for (const std::string end : {"h1", "h2"}) {
      const std::string next = end == "h1" ? "a" : "c";
      add({end, next, "x", other}, {});
      add({other, "x", next, end}, {});
    }
    for (const std::string far : {"h3", "h4", "h5", "h6"}) {
      if (far != other) add({other, "x", far}, {});
    }
  }
  const Verdict verdict = localize(SmallFabric::build(rows), {});
  REQUIRE(verdict.suspects.size() == 1);
  const Suspect& suspect = verdict.suspects.front();
  CHECK(suspect.id == "b");
  for (const std::string id : {"a=b", "b=c", "a>b", "b>c"}) {
    CAPTURE(id);
    CHECK(std::ranges::find(suspect.ambiguous_with, id) != suspect.ambiguous_with.end());
  }
  CHECK(suspect.posterior > 0.98);
}

}  // namespace
}  // namespace faultline::localize
