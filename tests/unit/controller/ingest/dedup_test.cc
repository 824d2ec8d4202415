#include "controller/ingest/dedup.h"

#include "tests/support/catch.h"

namespace faultline::ingest {
namespace {

constexpr NodeId kNode{7};
constexpr BootId kBoot{0xb007};

WallTime at(std::int64_t seconds) { return wall_time_from_unix_seconds(seconds); }

Batch batch(std::uint64_t sequence, BootId boot = kBoot) {
  return {boot, sequence, sequence, 0, {std::byte{1}}};
}

Batch gap(std::uint64_t first, std::uint64_t last) { return {kBoot, first, last, 5, {}}; }

void write(Dedup& dedup) {
  static_cast<void>(dedup.begin_write());
  static_cast<void>(dedup.finish_write());
}

TEST_CASE("a batch is acknowledged only after the write that holds it", "[ingest]") {
  Dedup dedup;
  CHECK(dedup.admit(kNode, batch(1), at(1)) == Admission::kWrite);
  CHECK(dedup.durable(kNode, kBoot).empty());
  CHECK(dedup.begin_write() == std::vector<DedupRow>{{kNode, kBoot, {{1, 1}}, at(1)}});
  CHECK(dedup.durable(kNode, kBoot).empty());
  CHECK(dedup.finish_write() == std::vector<Dedup::Durable>{{kNode, kBoot, {{1, 1}}}});
  CHECK(dedup.durable(kNode, kBoot) == std::vector<SequenceInterval>{{1, 1}});
}

TEST_CASE("a copy is told apart: in flight while being written, durable afterwards", "[ingest]") {
  Dedup dedup;
  CHECK(dedup.admit(kNode, batch(1), at(1)) == Admission::kWrite);
  CHECK(dedup.admit(kNode, batch(1), at(2)) == Admission::kInFlight);
  write(dedup);
  CHECK(dedup.admit(kNode, batch(1), at(3)) == Admission::kAlreadyDurable);
}

TEST_CASE("what arrives during a write is not in its rows but in the next ones", "[ingest]") {
  Dedup dedup;
  CHECK(dedup.admit(kNode, batch(1), at(1)) == Admission::kWrite);
  static_cast<void>(dedup.begin_write());
  CHECK(dedup.admit(kNode, batch(2), at(2)) == Admission::kWrite);
  CHECK(dedup.finish_write() == std::vector<Dedup::Durable>{{kNode, kBoot, {{1, 1}}}});
  CHECK(dedup.begin_write() == std::vector<DedupRow>{{kNode, kBoot, {{1, 2}}, at(2)}});
}

TEST_CASE("a write concerns only the boots that have something in it", "[ingest]") {
  Dedup dedup;
  CHECK(dedup.admit(kNode, batch(1), at(1)) == Admission::kWrite);
  write(dedup);
  constexpr BootId kOther{5};
  CHECK(dedup.admit(kNode, batch(1, kOther), at(2)) == Admission::kWrite);
  CHECK(dedup.begin_write() == std::vector<DedupRow>{{kNode, kOther, {{1, 1}}, at(2)}});
  CHECK(dedup.finish_write() == std::vector<Dedup::Durable>{{kNode, kOther, {{1, 1}}}});
}

TEST_CASE("after a failed write nothing is claimed and everything may come again", "[ingest]") {
  Dedup dedup;
  CHECK(dedup.admit(kNode, batch(1), at(1)) == Admission::kWrite);
  write(dedup);
  CHECK(dedup.admit(kNode, batch(2), at(2)) == Admission::kWrite);
  static_cast<void>(dedup.begin_write());
  CHECK(dedup.admit(kNode, batch(3), at(3)) == Admission::kWrite);
  dedup.abandon();
  CHECK(dedup.durable(kNode, kBoot) == std::vector<SequenceInterval>{{1, 1}});
  CHECK(dedup.admit(kNode, batch(2), at(4)) == Admission::kWrite);
  CHECK(dedup.admit(kNode, batch(3), at(4)) == Admission::kWrite);
}

TEST_CASE("a gap record over durable batches is written, one inside of them is not", "[ingest]") {
  Dedup dedup;
  CHECK(dedup.admit(kNode, batch(3), at(1)) == Admission::kWrite);
  write(dedup);
  CHECK(dedup.admit(kNode, gap(1, 9), at(2)) == Admission::kWrite);
  write(dedup);
  CHECK(dedup.admit(kNode, gap(2, 5), at(3)) == Admission::kAlreadyDurable);
  CHECK(dedup.admit(kNode, batch(4), at(3)) == Admission::kAlreadyDurable);
}

TEST_CASE("a batch that would need a ninth interval is refused until a hole is filled",
          "[ingest]") {
  Dedup dedup;
  for (std::uint64_t i = 0; i < kSequenceIntervalsMax; ++i) {
    CHECK(dedup.admit(kNode, batch(2 * i + 1), at(1)) == Admission::kWrite);
  }
  CHECK(dedup.admit(kNode, batch(50), at(1)) == Admission::kRefused);
  CHECK(dedup.admit(kNode, batch(2), at(1)) == Admission::kWrite);
  CHECK(dedup.admit(kNode, batch(50), at(1)) == Admission::kWrite);
}

TEST_CASE("impossible batches are malformed and leave no trace", "[ingest]") {
  Dedup dedup;
  CHECK(dedup.admit(kNode, batch(0), at(1)) == Admission::kMalformed);
  CHECK(dedup.admit(kNode, gap(5, 4), at(1)) == Admission::kMalformed);
  Batch wide = batch(9);
  wide.first_sequence = 8;
  CHECK(dedup.admit(kNode, wide, at(1)) == Admission::kMalformed);
  CHECK(dedup.begin_write().empty());
}

TEST_CASE("one boot too many makes the one not heard for longest be forgotten", "[ingest]") {
  Dedup dedup;
  for (std::size_t i = 0; i < kBootsPerNodeMax; ++i) {
    const auto second = static_cast<std::int64_t>(i == 0 ? 100 : i);
    CHECK(dedup.admit(kNode, batch(1, BootId{i + 1}), at(second)) == Admission::kWrite);
  }
  // All are in flight: none can make room.
  CHECK(dedup.admit(kNode, batch(1, BootId{99}), at(200)) == Admission::kRefused);
  write(dedup);
  CHECK(dedup.admit(kNode, batch(1, BootId{99}), at(200)) == Admission::kWrite);
  const std::vector<DedupRow> expected{{kNode, BootId{2}, {}, at(1)},
                                       {kNode, BootId{99}, {{1, 1}}, at(200)}};
  CHECK(dedup.begin_write() == expected);
}

TEST_CASE("a forgotten boot that comes back is not removed by the same write", "[ingest]") {
  Dedup dedup;
  for (std::size_t i = 0; i < kBootsPerNodeMax; ++i) {
    CHECK(dedup.admit(kNode, batch(1, BootId{i + 1}), at(1 + static_cast<std::int64_t>(i))) ==
          Admission::kWrite);
  }
  write(dedup);
  CHECK(dedup.admit(kNode, batch(1, BootId{99}), at(200)) == Admission::kWrite);  // evicts 1
  CHECK(dedup.admit(kNode, batch(1, BootId{1}), at(201)) == Admission::kWrite);   // evicts 2
  const std::vector<DedupRow> expected{{kNode, BootId{2}, {}, at(2)},
                                       {kNode, BootId{99}, {{1, 1}}, at(200)},
                                       {kNode, BootId{1}, {{1, 1}}, at(201)}};
  CHECK(dedup.begin_write() == expected);
}

TEST_CASE("a removal that was not written is written next time", "[ingest]") {
  Dedup dedup;
  CHECK(dedup.admit(kNode, batch(1), at(1)) == Admission::kWrite);
  write(dedup);
  dedup.forget(kNode);
  const std::vector<DedupRow> removal{{kNode, kBoot, {}, at(1)}};
  CHECK(dedup.begin_write() == removal);
  dedup.abandon();
  CHECK(dedup.begin_write() == removal);
}

TEST_CASE("restored rows are duplicates again, the newest boots kept", "[ingest]") {
  std::vector<DedupRow> rows;
  for (std::size_t i = 0; i <= kBootsPerNodeMax; ++i) {
    rows.push_back({kNode, BootId{i + 1}, {{1, 5}}, at(1 + static_cast<std::int64_t>(i))});
  }
  Dedup dedup;
  dedup.restore(rows);
  CHECK(dedup.admit(kNode, batch(5, BootId{2}), at(100)) == Admission::kAlreadyDurable);
  CHECK(dedup.durable(kNode, BootId{1}).empty());
  CHECK(dedup.begin_write() == std::vector<DedupRow>{{kNode, BootId{1}, {}, at(1)}});
}

}  // namespace
}  // namespace faultline::ingest
