#include "probe/spool/index.h"

#include "tests/support/catch.h"

namespace faultline::spool {
namespace {

constexpr BootId kOld{1};
constexpr BootId kNew{2};

Entry batch(std::uint64_t sequence, std::uint64_t segment = 1) {
  return {sequence, sequence, 10, {segment, 0}, 100};
}
Entry gap(std::uint64_t first, std::uint64_t last) { return {first, last, 10, {9, 0}, 0}; }

struct Fixture {
  std::vector<std::uint64_t> removed;  // first sequences, in the order of removal
  Index index{[this](const EntryKey& key, const Entry&) { removed.push_back(key.first); }};

  void add(BootId boot, std::initializer_list<Entry> entries) {
    for (const Entry& entry : entries) index.put(index.rank_of(boot), entry);
  }
  // (boot, first) of all entries after the position.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> after(std::uint64_t rank,
                                                             std::uint64_t sequence) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> found;
    index.visit_after(rank, sequence, [&](std::uint64_t, const Index::Boot& boot, const Entry& e) {
      found.emplace_back(boot.id.value(), e.first);
      return true;
    });
    return found;
  }
};
using Found = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

TEST_CASE("older boots come first, then sequences ascend", "[spool]") {
  Fixture f;
  f.add(kOld, {batch(2), batch(1)});
  f.add(kNew, {batch(1)});
  CHECK(f.after(0, 0) == Found{{1, 1}, {1, 2}, {2, 1}});
  CHECK(f.after(f.index.would_rank(kOld), 1) == Found{{1, 2}, {2, 1}});
  CHECK(f.after(f.index.would_rank(kNew), 0) == Found{{2, 1}});
}

TEST_CASE("a gap record takes the place of all it covers and is found from inside of it",
          "[spool]") {
  Fixture f;
  f.add(kOld, {batch(1), batch(2), batch(3), batch(4)});
  f.add(kOld, {gap(2, 3)});
  CHECK(f.removed == std::vector<std::uint64_t>{2, 3});
  CHECK(f.after(0, 0) == Found{{1, 1}, {1, 2}, {1, 4}});
  CHECK(f.after(1, 2) == Found{{1, 2}, {1, 4}});
  CHECK(f.index.size() == 3);
  CHECK(f.index.gaps() == 1);
}

TEST_CASE("an acknowledgement removes what lies within it, not a gap that reaches out of it",
          "[spool]") {
  Fixture f;
  f.add(kOld, {batch(1), batch(2), gap(3, 6), batch(7)});
  f.index.release(kOld, std::vector<SequenceInterval>{{1, 1}, {4, 7}});
  CHECK(f.after(0, 0) == Found{{1, 2}, {1, 3}});
  f.index.release(kOld, std::vector<SequenceInterval>{{1, 7}});
  CHECK(f.index.size() == 0);
  CHECK(f.index.gaps() == 0);
}

TEST_CASE("an acknowledgement for a boot that is not here changes nothing", "[spool]") {
  Fixture f;
  f.add(kOld, {batch(1)});
  f.index.release(kNew, std::vector<SequenceInterval>{{1, 9}});
  CHECK(f.index.size() == 1);
}

TEST_CASE("sequences missing before and between entries are holes", "[spool]") {
  Fixture f;
  f.add(kOld, {batch(3), batch(4), batch(8)});
  const auto holes = f.index.holes();
  REQUIRE(holes.size() == 2);
  CHECK(holes[0].second == Entry{1, 2, 0, {}, 0});
  CHECK(holes[1].second == Entry{5, 7, 0, {}, 0});
}

TEST_CASE("the newest boot goes on counting when all of it is acknowledged", "[spool]") {
  Fixture f;
  f.add(kOld, {batch(1)});
  f.add(kNew, {batch(1), batch(2)});
  f.index.release(kOld, std::vector<SequenceInterval>{{1, 9}});
  f.index.release(kNew, std::vector<SequenceInterval>{{1, 9}});
  f.index.forget_empty_boots();
  CHECK(f.index.boot(f.index.rank_of(kNew)).next_sequence == 3);
  CHECK(f.index.would_rank(kOld) > f.index.would_rank(kNew));
}

TEST_CASE("the entries of one segment are found across boots", "[spool]") {
  Fixture f;
  f.add(kOld, {batch(1, 1), batch(2, 2)});
  f.add(kNew, {batch(1, 1)});
  const auto found = f.index.in_segment(1);
  REQUIRE(found.size() == 2);
  CHECK(found[0].first == EntryKey{1, 1});
  CHECK(found[1].first == EntryKey{2, 1});
}

}  // namespace
}  // namespace faultline::spool
