#include "controller/core/intake.h"

#include "tests/unit/controller/core/bench.h"

namespace faultline::core {
namespace {

// An intake whose disk and decoder are this test's.
struct IntakeBench {
  void offer(std::uint32_t node, std::uint64_t sequence) {
    intake.batch(NodeId{node},
                 {.boot = BootId{7}, .first_sequence = sequence, .sequence = sequence}, effects);
  }
  // All that was let in is decoded and written; the acknowledgements, by node.
  std::map<NodeId, std::vector<BatchAck>> store_all() {
    std::map<NodeId, std::vector<BatchAck>> acks;
    const auto keep = [&](const std::vector<NodeAck>& more) {
      for (const auto& [node, ack] : more) acks[node].push_back(ack);
    };
    while (!effects.decodes.empty()) {
      auto [node, batch] = std::move(effects.decodes.front());
      effects.decodes.pop_front();
      keep(intake.decoded({}, {}, {node, std::move(batch), std::shared_ptr<const Report>()},
                          effects));
    }
    while (!effects.appends.empty()) {
      effects.appends.pop_front();
      keep(intake.appended({}, effects).acks);
    }
    return acks;
  }

  RecordedEffects effects;
  Intake intake{seconds{10}};
};

TEST_CASE("a node that floods is held to its share and keeps nobody out", "[core]") {
  IntakeBench bench;
  for (std::uint64_t sequence = 1; sequence <= 5000; ++sequence) bench.offer(1, sequence);
  CHECK(bench.effects.decodes.size() == kCreditPerNode);
  for (std::uint32_t node = 2; node <= fleet::kNodesMax; ++node) bench.offer(node, 1);
  CHECK(bench.intake.counters().shed == 5000 - kCreditPerNode);
  CHECK(bench.store_all().size() == fleet::kNodesMax);
}

TEST_CASE("of a whole fleet that sends at once something of everybody is taken in", "[core]") {
  IntakeBench bench;
  for (std::uint64_t sequence = 1; sequence <= 4; ++sequence) {
    for (std::uint32_t node = 1; node <= fleet::kNodesMax; ++node) bench.offer(node, sequence);
  }
  CHECK(bench.effects.decodes.size() <= kBatchesInHandMax);
  const auto acks = bench.store_all();
  REQUIRE(acks.size() == fleet::kNodesMax);
  CHECK(acks.at(NodeId{fleet::kNodesMax}).back().durable == std::vector<SequenceInterval>{{1, 1}});
}

TEST_CASE("whose batches were shed is told so once, with a credit of nothing", "[core]") {
  IntakeBench bench;
  for (std::uint64_t sequence = 1; sequence <= kCreditPerNode + 1; ++sequence) {
    bench.offer(1, sequence);
  }
  bench.offer(2, 1);
  const auto acks = bench.store_all();
  CHECK(acks.at(NodeId{1}).front().credit == 0);
  CHECK(acks.at(NodeId{1}).back().credit > 0);
  CHECK(acks.at(NodeId{2}).front().credit == kCreditPerNode);
  bench.offer(1, kCreditPerNode + 1);
  CHECK(bench.store_all().at(NodeId{1}).front().credit == kCreditPerNode);
}

TEST_CASE("a credit is a share of the room among those who want it", "[core]") {
  IntakeBench bench;
  const auto credit_among = [&](std::uint32_t nodes) {
    static std::uint64_t sequence = 0;
    ++sequence;
    for (std::uint32_t node = 1; node <= nodes; ++node) bench.offer(node, sequence);
    return bench.store_all().at(NodeId{1}).back().credit;
  };
  CHECK(credit_among(1) == kCreditPerNode);
  CHECK(credit_among(256) == kBatchesShared / 256);
  CHECK(credit_among(fleet::kNodesMax) == 1);
  CHECK(credit_among(1) == kCreditPerNode);
}

TEST_CASE("a failed append makes room again", "[core]") {
  IntakeBench bench;
  for (int round = 0; round < 100; ++round) {
    for (std::uint64_t sequence = 1; sequence <= kCreditPerNode; ++sequence) {
      bench.offer(1, sequence);
    }
    REQUIRE(bench.effects.decodes.size() == kCreditPerNode);
    while (!bench.effects.decodes.empty()) {
      auto [node, batch] = std::move(bench.effects.decodes.front());
      bench.effects.decodes.pop_front();
      CHECK(bench.intake
                .decoded({}, {}, {node, std::move(batch), std::shared_ptr<const Report>()},
                         bench.effects)
                .empty());
    }
    bench.effects.appends.clear();
    CHECK(bench.intake.appended(fail(ErrorCode::kUnavailable, "disk full"), bench.effects)
              .acks.empty());
  }
  CHECK(bench.intake.counters().shed == 0);
}

TEST_CASE("a window of a wrong clock is stored where it belongs, and says so", "[core]") {
  IntakeBench bench;
  const WallTime now = wall_time_from_unix_seconds(1'800'000'003);
  const auto sent = std::make_shared<const Report>(
      Report{.window_start = wall_time_from_unix_seconds(1'800'000'050), .window = seconds{10}});
  const auto offer = [&](std::uint64_t sequence, std::optional<ingest::Skew> skew) {
    bench.intake.batch(NodeId{1},
                       {.boot = BootId{7},
                        .first_sequence = sequence,
                        .sequence = sequence,
                        .payload = {std::byte{1}}},
                       bench.effects);
    auto [node, batch] = std::move(bench.effects.decodes.front());
    bench.effects.decodes.pop_front();
    return bench.intake.decoded(now, skew, {node, std::move(batch), sent}, bench.effects);
  };
  CHECK(offer(1, std::nullopt).empty());  // the probe sends it again
  CHECK(bench.effects.appends.empty());
  CHECK(bench.intake.counters().doubtful == 1);
  CHECK(offer(1, ingest::Skew{seconds{60}, false}).empty());
  CHECK(bench.intake.counters().doubtful == 2);
  CHECK(offer(1, ingest::Skew{seconds{60}, true}).empty());
  REQUIRE(bench.effects.appends.size() == 1);
  const auto write = bench.effects.appends.front().writes.at(0);
  CHECK(write.window_start == wall_time_from_unix_seconds(1'799'999'990));
  REQUIRE(write.moved != nullptr);
  CHECK(write.moved->window_start == write.window_start);
  bench.effects.appends.clear();
  const auto appended = bench.intake.appended({}, bench.effects);
  REQUIRE(appended.reports.size() == 1);
  CHECK(appended.reports[0].report == write.moved);
  CHECK(bench.intake.counters().moved == 1);
}

}  // namespace
}  // namespace faultline::core
