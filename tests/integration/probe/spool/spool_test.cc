#include <algorithm>

#include "tests/integration/probe/spool/spool_fixture.h"

namespace faultline::spool {
namespace {

constexpr BootId kOld{0xa};
constexpr BootId kNew{0xb};

TEST_CASE("batches come back in order, numbered from one, until they are acknowledged", "[spool]") {
  TemporaryDirectory directory;
  auto spool = open_spool(directory.path());
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) append(*spool, kNew, sequence);
  CHECK(read_all(*spool) == std::vector{batch(kNew, 1), batch(kNew, 2), batch(kNew, 3)});
  release(*spool, kNew, 1, 2);
  CHECK(read_all(*spool) == std::vector{batch(kNew, 3)});
  CHECK(spool->stats().batches == 1);
}

TEST_CASE("batches of an earlier boot keep their boot and come first", "[spool]") {
  TemporaryDirectory directory;
  {
    auto spool = open_spool(directory.path());
    append(*spool, kOld, 1);
    append(*spool, kOld, 2);
  }
  auto spool = open_spool(directory.path());
  append(*spool, kNew, 1);
  CHECK(read_all(*spool) == std::vector{batch(kOld, 1), batch(kOld, 2), batch(kNew, 1)});
  CHECK(read_all(*spool, spool->start_of(kNew)) == std::vector{batch(kNew, 1)});
}

TEST_CASE("the start of a boot that has appended nothing yet is before its first batch",
          "[spool]") {
  TemporaryDirectory directory;
  {
    auto spool = open_spool(directory.path());
    append(*spool, kOld, 1);
  }
  auto spool = open_spool(directory.path());
  const SpoolCursor live = spool->start_of(kNew);
  append(*spool, kNew, 1);
  CHECK(read_all(*spool, live) == std::vector{batch(kNew, 1)});
}

TEST_CASE("the backlog is what was appended up to a number of the running boot, live is the rest",
          "[spool]") {
  TemporaryDirectory directory;
  {
    auto spool = open_spool(directory.path());
    append(*spool, kOld, 1);
  }
  auto spool = open_spool(directory.path());
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) append(*spool, kNew, sequence);
  SpoolCursor boundary = spool->start_of(kNew);
  const auto backlog = [&] { return spool->unacknowledged({}, 100, boundary)->batches; };
  CHECK(backlog() == std::vector{batch(kOld, 1)});
  boundary.sequence = 2;
  CHECK(backlog() == std::vector{batch(kOld, 1), batch(kNew, 1), batch(kNew, 2)});
  CHECK(read_all(*spool, boundary) == std::vector{batch(kNew, 3)});
}

TEST_CASE("a gap record over the end of the backlog is live too", "[spool]") {
  TemporaryDirectory directory;
  auto spool = open_spool(directory.path());
  std::uint64_t sequence = 0;
  while (spool->stats().results_dropped == 0) append(*spool, kNew, ++sequence, 2'000);
  const Batch gap = read_all(*spool).front();
  REQUIRE(gap.is_gap());
  REQUIRE(gap.sequence > gap.first_sequence);
  SpoolCursor boundary = spool->start_of(kNew);
  boundary.sequence = gap.first_sequence;
  CHECK(spool->unacknowledged({}, 100, boundary)->batches == std::vector{gap});
  CHECK(read_all(*spool, boundary).front() == gap);
}

TEST_CASE("a full spool replaces its oldest batches by gap records that say how many results",
          "[spool]") {
  TemporaryDirectory directory;
  auto spool = open_spool(directory.path());
  for (std::uint64_t sequence = 1; sequence <= 200; ++sequence) {
    append(*spool, kNew, sequence, 2'000);
    REQUIRE(spool->stats().bytes <= kSpoolSizeMin);
  }
  std::uint64_t next = 1;
  std::uint64_t dropped = 0;
  for (const Batch& each : read_all(*spool)) {
    REQUIRE(each.first_sequence == next);
    if (each.is_gap()) {
      CHECK(each.results_dropped == 10 * (each.sequence - each.first_sequence + 1));
      dropped += each.results_dropped;
    } else {
      CHECK(each == batch(kNew, next, 2'000));
    }
    next = each.sequence + 1;
  }
  CHECK(next == 201);
  CHECK(dropped > 0);
  CHECK(spool->stats().results_dropped == dropped);
}

TEST_CASE("a spool that is made smaller drops its oldest at once, and one made larger keeps more",
          "[spool]") {
  TemporaryDirectory directory;
  auto spool = open_spool(directory.path(), 4 * kSpoolSizeMin);
  for (std::uint64_t sequence = 1; sequence <= 100; ++sequence) {
    append(*spool, kNew, sequence, 2'000);
  }
  CHECK(spool->stats().results_dropped == 0);
  spool->set_size_max(kSpoolSizeMin);
  CHECK(spool->stats().bytes <= kSpoolSizeMin);
  const auto dropped = spool->stats().results_dropped;
  CHECK(dropped > 0);
  const auto left = read_all(*spool);
  REQUIRE(!left.empty());
  CHECK(left.front().is_gap());
  std::uint64_t told = 0;
  for (const auto& each : left) told += each.results_dropped;
  CHECK(told == dropped);
  CHECK(left.back() == batch(kNew, 100, 2'000));

  spool->set_size_max(4 * kSpoolSizeMin);
  for (std::uint64_t sequence = 101; sequence <= 150; ++sequence) {
    append(*spool, kNew, sequence, 2'000);
  }
  CHECK(spool->stats().results_dropped == dropped);
  CHECK(spool->stats().bytes > kSpoolSizeMin);
}

TEST_CASE("what is acknowledged is neither dropped nor counted when room is made", "[spool]") {
  TemporaryDirectory directory;
  auto spool = open_spool(directory.path());
  for (std::uint64_t sequence = 1; sequence <= 200; ++sequence) {
    append(*spool, kNew, sequence, 2'000);
    release(*spool, kNew, 1, sequence);
  }
  CHECK(spool->stats().results_dropped == 0);
  CHECK(spool->stats().batches == 0);
  CHECK(read_all(*spool).empty());
}

TEST_CASE("gap records outlive a restart and are acknowledged like batches", "[spool]") {
  TemporaryDirectory directory;
  std::vector<Batch> before;
  {
    auto spool = open_spool(directory.path());
    for (std::uint64_t sequence = 1; sequence <= 100; ++sequence) {
      append(*spool, kOld, sequence, 2'000);
    }
    before = read_all(*spool);
  }
  auto spool = open_spool(directory.path());
  CHECK(read_all(*spool) == before);
  REQUIRE(before.front().is_gap());
  release(*spool, kOld, 1, before.front().sequence);
  before.erase(before.begin());
  CHECK(read_all(*spool) == before);
}

TEST_CASE("a segment is deleted when all of it is acknowledged", "[spool]") {
  TemporaryDirectory directory;
  auto spool = open_spool(directory.path(), 1 << 20);
  for (std::uint64_t sequence = 1; sequence <= 100; ++sequence) {
    append(*spool, kNew, sequence, 2'000);
  }
  const std::size_t segments = directory.segments().size();
  REQUIRE(segments > 5);
  release(*spool, kNew, 2, 100);
  CHECK(directory.segments().size() == 2);  // the first one, and the one being written
  release(*spool, kNew, 1, 1);
  CHECK(directory.segments().size() == 1);
  append(*spool, kNew, 101, 2'000);
  CHECK(read_all(*spool) == std::vector{batch(kNew, 101, 2'000)});
}

TEST_CASE("after a restart what was acknowledged may come again, nothing else is missing",
          "[spool]") {
  TemporaryDirectory directory;
  {
    auto spool = open_spool(directory.path());
    for (std::uint64_t sequence = 1; sequence <= 10; ++sequence) append(*spool, kOld, sequence);
    release(*spool, kOld, 1, 4);
  }
  auto spool = open_spool(directory.path());
  const auto all = read_all(*spool);
  CHECK(all.size() == 10);
  CHECK(all.back() == batch(kOld, 10));
}

TEST_CASE("one read is bounded in bytes as well as in batches", "[spool]") {
  TemporaryDirectory directory;
  auto spool = open_spool(directory.path(), 64 << 20);
  for (std::uint64_t sequence = 1; sequence <= 6; ++sequence) {
    append(*spool, kNew, sequence, 1'000'000);
  }
  CHECK(spool->unacknowledged({}, 100)->batches.size() == 4);
  CHECK(read_all(*spool, {}, 100).size() == 6);
}

TEST_CASE("results lost before the spool are a gap record between its batches", "[spool]") {
  TemporaryDirectory directory;
  const std::vector<Batch> expected{batch(kNew, 1), Batch{kNew, 2, 2, 25, {}}, batch(kNew, 3)};
  {
    auto spool = open_spool(directory.path());
    append(*spool, kNew, 1);
    spool->append_lost(kNew, 25);
    append(*spool, kNew, 3);
    CHECK(read_all(*spool) == expected);
    CHECK(spool->stats().results_dropped == 25);
  }
  auto spool = open_spool(directory.path());
  CHECK(read_all(*spool) == expected);
  release(*spool, kNew, 1, 3);
  CHECK(read_all(*spool).empty());
}

TEST_CASE("an empty or oversized batch is refused without consuming a number", "[spool]") {
  TemporaryDirectory directory;
  auto spool = open_spool(directory.path());
  CHECK(spool->append(kNew, {}, 1).error().code == ErrorCode::kInvalid);
  CHECK(spool->append(kNew, payload(1, kSpoolSizeMin / 4), 1).error().code == ErrorCode::kLimit);
  append(*spool, kNew, 1);
}

TEST_CASE("a probe that restarts in a loop during an outage keeps the bounds", "[spool]") {
  TemporaryDirectory directory;
  std::uint64_t forgotten = 0;
  for (std::uint64_t boot = 1; boot <= 400; ++boot) {
    auto spool = open_spool(directory.path());
    append(*spool, BootId{boot}, 1, 1'000);
    REQUIRE(spool->stats().bytes <= kSpoolSizeMin);
    forgotten += spool->stats().gaps_forgotten;
  }
  auto spool = open_spool(directory.path());
  const auto all = read_all(*spool);
  // One gap or batch for each boot, but for those whose gap was forgotten, and that was counted.
  CHECK(all.size() + forgotten == 400);
  CHECK(all.back() == Batch{BootId{400}, 1, 1, 0, payload(1, 1'000)});
}

}  // namespace
}  // namespace faultline::spool
