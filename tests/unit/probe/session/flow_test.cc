#include "probe/session/flow.h"

#include "tests/support/catch.h"

namespace faultline::session {
namespace {

using std::chrono::milliseconds;

const WallTime kFlowStart = wall_time_from_unix_seconds(1'000'000);
constexpr Duration kTimeout = std::chrono::seconds{2};

Flow flow(std::size_t capacity = 16) {
  return {{47000, {IpAddress::v4(0x0a000001), 862}}, NodeId{3}, 9, capacity};
}

// A reply that left the reflector `dwell` after the packet came.
stamp::ReflectorPacket reply(std::uint32_t sequence, std::uint32_t number, Duration dwell = {}) {
  return {.sequence = number,
          .sent_at = kFlowStart + dwell,
          .received_at = kFlowStart,
          .sender_sequence = sequence};
}

}  // namespace

TEST_CASE("the round trip excludes the time that the reflector kept the packet", "[session]") {
  auto f = flow();
  std::vector<std::uint64_t> rtts;
  (void)f.send(kFlowStart, 0);
  CHECK(f.on_transmit_stamp(0, kFlowStart + milliseconds{1}));
  CHECK(f.on_reply(reply(0, 0, milliseconds{5}), kFlowStart + milliseconds{9}, kTimeout));
  const auto window = f.close(0, rtts);
  CHECK(window == FlowWindow{.target = NodeId{3},
                             .source_port = 47000,
                             .sent = 1,
                             .rtt_min_ns = 3'000'000,
                             .rtt_mean_ns = 3'000'000,
                             .rtt_max_ns = 3'000'000});
  CHECK(rtts == std::vector<std::uint64_t>{3'000'000});
}

TEST_CASE("a round trip shorter than the dwell is no measurement", "[session]") {
  auto f = flow();
  std::vector<std::uint64_t> rtts;
  (void)f.send(kFlowStart, 0);
  CHECK(f.on_reply(reply(0, 0, milliseconds{50}), kFlowStart + milliseconds{9}, kTimeout));
  CHECK(f.close(0, rtts).answered() == 1);
  CHECK(rtts.empty());
}

TEST_CASE("a reply is counted once, its copies as duplicates", "[session]") {
  auto f = flow();
  std::vector<std::uint64_t> rtts;
  (void)f.send(kFlowStart, 0);
  for (int i = 0; i < 3; ++i) CHECK(f.on_reply(reply(0, 0), kFlowStart, kTimeout));
  const auto window = f.close(0, rtts);
  CHECK(window.answered() == 1);
  CHECK(window.duplicated == 2);
}

TEST_CASE("a late reply counts in the window of its packet", "[session]") {
  auto f = flow();
  std::vector<std::uint64_t> rtts;
  (void)f.send(kFlowStart, 0);
  (void)f.send(kFlowStart + std::chrono::seconds{1}, 1);
  CHECK(f.on_reply(reply(1, 1), kFlowStart + milliseconds{1010}, kTimeout));
  CHECK(f.on_reply(reply(0, 0), kFlowStart + milliseconds{2500}, kTimeout));
  const auto first = f.close(0, rtts);
  CHECK(first.answered() == 1);
  CHECK(first.late == 1);
  CHECK(first.reordered == 1);
  const auto second = f.close(1, rtts);
  CHECK(second.late == 0);
  CHECK(second.reordered == 0);
}

TEST_CASE("replies to packets that are not at hand are refused", "[session]") {
  auto f = flow();
  std::vector<std::uint64_t> rtts;
  CHECK_FALSE(f.on_reply(reply(0, 0), kFlowStart, kTimeout));
  (void)f.send(kFlowStart, 0);
  (void)f.close(0, rtts);
  CHECK_FALSE(f.on_reply(reply(0, 0), kFlowStart, kTimeout));
  CHECK_FALSE(f.on_transmit_stamp(0, kFlowStart));
}

TEST_CASE("a packet that the kernel refused is not in the window", "[session]") {
  auto f = flow();
  std::vector<std::uint64_t> rtts;
  f.on_send_failed(f.send(kFlowStart, 0));
  (void)f.send(kFlowStart, 0);
  CHECK(f.on_reply(reply(1, 0), kFlowStart, kTimeout));
  const auto window = f.close(0, rtts);
  CHECK(window.sent == 1);
  CHECK(window.answered() == 1);
}

TEST_CASE("a flow keeps its packets when its capacity changes", "[session]") {
  auto f = flow(4);
  std::vector<std::uint64_t> rtts;
  for (int i = 0; i < 4; ++i) (void)f.send(kFlowStart, 0);
  CHECK(f.full());
  f.set_capacity(2);
  CHECK(f.full());
  f.set_capacity(64);
  CHECK_FALSE(f.full());
  for (std::uint32_t i = 0; i < 4; ++i) CHECK(f.on_reply(reply(i, i), kFlowStart, kTimeout));
  CHECK(f.close(0, rtts).answered() == 4);
  CHECK(f.empty());
}

TEST_CASE("a flow makes room as it sends, and keeps what it has sent", "[session]") {
  auto f = flow(64);
  std::vector<std::uint64_t> rtts;
  for (std::uint32_t i = 0; i < 3; ++i) (void)f.send(kFlowStart, 0);
  CHECK(f.close(0, rtts).sent == 3);  // so that the ring does not begin at its front
  for (std::uint32_t i = 3; i < 67; ++i) {
    CHECK_FALSE(f.full());
    CHECK(f.send(kFlowStart, 1) == i);
    CHECK(f.on_reply(reply(i, i), kFlowStart + Duration{i}, kTimeout));
  }
  CHECK(f.full());
  CHECK(f.close(1, rtts).answered() == 64);
  CHECK(rtts.size() == 64);
  CHECK(rtts.front() == 3);
  CHECK(rtts.back() == 66);
}

TEST_CASE("a round trip of more than four seconds is measured, too", "[session]") {
  auto f = flow();
  std::vector<std::uint64_t> rtts;
  (void)f.send(kFlowStart, 0);
  (void)f.send(kFlowStart, 0);
  CHECK(f.on_reply(reply(0, 0), kFlowStart + Duration{4'294'967'295}, kTimeout));
  CHECK(f.on_reply(reply(1, 1), kFlowStart + Duration{29'000'000'999}, kTimeout));
  CHECK(f.close(0, rtts).late == 2);
  CHECK(rtts == std::vector<std::uint64_t>{4'294'967'295, 29'000'000'000});
}

TEST_CASE("a stamp that comes after the reply changes no round trip", "[session]") {
  auto f = flow();
  std::vector<std::uint64_t> rtts;
  (void)f.send(kFlowStart, 0);
  CHECK(f.on_reply(reply(0, 0), kFlowStart + milliseconds{3}, kTimeout));
  CHECK(f.on_transmit_stamp(0, kFlowStart + milliseconds{1}));
  (void)f.close(0, rtts);
  CHECK(rtts == std::vector<std::uint64_t>{3'000'000});
}

TEST_CASE("a packet of which nobody knows when it left is answered, but has no round trip",
          "[session]") {
  auto f = flow();
  std::vector<std::uint64_t> rtts;
  for (int i = 0; i < 2; ++i) (void)f.send(kFlowStart, 0);
  f.on_stamp_lost(0);
  f.on_stamp_lost(1);
  CHECK(f.on_transmit_stamp(1, kFlowStart));  // it came after all
  f.on_stamp_lost(7);                         // not at hand
  for (std::uint32_t i = 0; i < 2; ++i) {
    CHECK(f.on_reply(reply(i, i), kFlowStart + milliseconds{3}, kTimeout));
  }
  CHECK(f.close(0, rtts).answered() == 2);
  CHECK(rtts == std::vector<std::uint64_t>{3'000'000});
}

TEST_CASE("a stamp may be before the packet's own time", "[session]") {
  auto f = flow();
  std::vector<std::uint64_t> rtts;
  (void)f.send(kFlowStart, 0);
  CHECK(f.on_transmit_stamp(0, kFlowStart - milliseconds{1}));
  CHECK(f.on_reply(reply(0, 0), kFlowStart + milliseconds{3}, kTimeout));
  (void)f.close(0, rtts);
  CHECK(rtts == std::vector<std::uint64_t>{4'000'000});
}

TEST_CASE("windows whose numbers have the same low octet are not open at once", "[session]") {
  auto f = flow();
  std::vector<std::uint64_t> rtts;
  (void)f.send(kFlowStart, 255);
  (void)f.send(kFlowStart, 256);
  CHECK(f.close(254, rtts).sent == 0);
  CHECK(f.close(255, rtts).sent == 1);
  CHECK(f.close(256, rtts).sent == 1);
}

TEST_CASE("a packet that comes back without end is counted up to a bound", "[session]") {
  auto f = flow();
  std::vector<std::uint64_t> rtts;
  (void)f.send(kFlowStart, 0);
  for (std::uint32_t i = 0; i < 100; ++i) CHECK(f.on_reply(reply(0, i), kFlowStart, kTimeout));
  const auto window = f.close(0, rtts);
  CHECK(window.answered() == 1);
  CHECK(window.duplicated == 15);
}

}  // namespace faultline::session
