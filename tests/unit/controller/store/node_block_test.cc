// What a node's windows say of themselves, as it lies on the disk.
#include "controller/store/node_block.h"
#include "controller/store/bits.h"
#include "controller/store/parts.h"
#include "tests/support/catch.h"

namespace faultline::store {
namespace {

std::vector<NodePart> decoded(const std::string& block) {
  std::vector<NodePart> parts;
  REQUIRE(decode_parts(block, [&](NodePart part) { parts.push_back(std::move(part)); }));
  return parts;
}

NodePart::Row row(std::int64_t minute) {
  return {.time = {WallTime{std::chrono::minutes{minute}}, std::chrono::seconds{10}},
          .boot = BootId{7},
          .first_sequence = 3,
          .sequence = 5,
          .results_dropped = 1,
          .plan = PlanRevision{9},
          .health = {.lateness_max_ns = 1'000'000, .receive_drops = 2}};
}

// As format 2 wrote it, without the machine.
std::string of_layout_1(const NodePart::Row& row) {
  BitWriter bits;
  for (const std::uint64_t value : {1, 42, 1}) bits.put_varint(value);  // layout, id, rows
  bits.put_varint(static_cast<std::uint64_t>(row.time.start.time_since_epoch().count()));
  bits.put_varint(static_cast<std::uint64_t>(row.time.window.count()));
  bits.put(row.boot.value(), 64);
  bits.put_varint(row.sequence);
  bits.put_varint(row.sequence - row.first_sequence);
  bits.put_varint(row.results_dropped);
  bits.put_varint(row.plan.value());
  bits.put_varint(row.health.lateness_max_ns);
  bits.put_varint(row.health.receive_drops);
  for (int i = 0; i < 4; ++i) bits.put_varint(0);
  return as_part(bits.finish());
}

TEST_CASE("a window keeps what it said of its prober, its machine and its clock", "[store]") {
  NodePart part{.id = 42, .rows = {row(1), row(2)}};
  part.rows[1].health = {.lateness_max_ns = 1,
                         .reflector_refused = 2,
                         .softnet_drops = 3,
                         .throttled_ns = 4'000'000'000,
                         .stolen_ns = 5,
                         .processor_ns = 40'000'000'000,
                         .clock = ClockSync::kFree,
                         .clock_step_ns = -3'600'000'000'000,
                         .clock_offset_ns = 31'000'000'000};
  CHECK(decoded(encode_part(part)) == std::vector{part});
}

TEST_CASE("parts of layout 1 are read beside newer ones, and those of a later one are not",
          "[store]") {
  const NodePart older{.id = 42, .rows = {row(1)}};
  const NodePart newer{.id = 43, .rows = {row(2)}};
  CHECK(decoded(of_layout_1(row(1)) + encode_part(newer)) == std::vector{older, newer});
  BitWriter later;
  later.put_varint(3);
  CHECK_FALSE(decode_parts(as_part(later.finish()), [](const NodePart&) {}));
}

}  // namespace
}  // namespace faultline::store
