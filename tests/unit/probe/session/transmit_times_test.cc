#include "probe/session/transmit_times.h"

#include <map>
#include <vector>

#include "tests/support/catch.h"

namespace faultline::session {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::uint16_t kStampedSsid = 7;
const WallTime kFirstLeft = wall_time_from_unix_seconds(1'000'000);

// What was told of each packet, by its sequence number.
using Departures = std::map<std::uint32_t, std::optional<WallTime>>;

void take(TransmitTimes::Departures departures, Departures& told) {
  for (const auto& [packet, at] : departures) {
    CHECK(packet.ssid == kStampedSsid);
    CHECK(told.emplace(packet.sequence, at).second);  // once
  }
}

// Packets `first` to `first + count - 1` leave in one go; returns those that ask.
std::vector<std::uint32_t> go(TransmitTimes& times, std::uint32_t first, std::uint32_t count) {
  std::vector<std::uint32_t> asking;
  times.begin(count);
  for (auto sequence = first; sequence < first + count; ++sequence) {
    if (times.add({kStampedSsid, sequence})) asking.push_back(sequence);
  }
  return asking;
}

WallTime at_step(std::uint32_t step) { return kFirstLeft + step * microseconds{5}; }

}  // namespace

TEST_CASE("of packets that leave in one go few ask, and the others' times lie between",
          "[session]") {
  TransmitTimes times;
  const auto asking = go(times, 0, 32);
  CHECK(asking == std::vector<std::uint32_t>{0, 16, 31});
  CHECK(times.waits());
  Departures told;
  for (const auto sequence : asking) {
    take(times.on_stamp({kStampedSsid, sequence}, at_step(sequence)), told);
  }
  CHECK_FALSE(times.waits());
  REQUIRE(told.size() == 32);
  for (const auto& [sequence, at] : told) CHECK(at == at_step(sequence));
}

TEST_CASE("one packet and two ask themselves", "[session]") {
  TransmitTimes times;
  CHECK(go(times, 0, 1) == std::vector<std::uint32_t>{0});
  CHECK(go(times, 1, 2) == std::vector<std::uint32_t>{1, 2});
}

TEST_CASE("two goes have nothing to do with each other", "[session]") {
  TransmitTimes times;
  CHECK(go(times, 0, 3) == std::vector<std::uint32_t>{0, 2});
  CHECK(go(times, 3, 3) == std::vector<std::uint32_t>{3, 5});
  Departures told;
  for (const std::uint32_t sequence : {0U, 2U}) {
    take(times.on_stamp({kStampedSsid, sequence}, at_step(sequence)), told);
  }
  const Duration later = std::chrono::seconds{1};
  for (const std::uint32_t sequence : {3U, 5U}) {
    take(times.on_stamp({kStampedSsid, sequence}, at_step(sequence) + later), told);
  }
  REQUIRE(told.size() == 6);
  CHECK(told[1] == at_step(1));
  CHECK(told[4] == at_step(4) + later);
}

TEST_CASE("what lies within too long a span is unknown, and then all ask for a while",
          "[session]") {
  TransmitTimes times;
  Departures told;
  (void)go(times, 0, 10);
  take(times.on_stamp({kStampedSsid, 0}, at_step(0)), told);
  take(times.on_stamp({kStampedSsid, 9}, at_step(9) + milliseconds{3}), told);
  REQUIRE(told.size() == 10);
  CHECK(told[0] == at_step(0));
  CHECK(told[9] == at_step(9) + milliseconds{3});
  for (std::uint32_t sequence = 1; sequence < 9; ++sequence) CHECK_FALSE(told[sequence]);

  CHECK(go(times, 10, 10).size() == 10);
  for (std::uint32_t sequence = 10; sequence < 20; ++sequence) {
    take(times.on_stamp({kStampedSsid, sequence}, at_step(sequence)), told);
    CHECK(told[sequence] == at_step(sequence));
  }
  std::uint32_t next = 20;
  for (; go(times, next, 10).size() == 10 && next < 1000; next += 10) (void)times.give_up();
  CHECK(next == 1000);  // while nothing is stamped
}

TEST_CASE("wariness ends, and with slow packets spans are longer", "[session]") {
  TransmitTimes times;
  std::uint32_t next = 0;
  Departures told;
  const auto slow = [&](std::uint32_t sequence) {
    return kFirstLeft + sequence * microseconds{100};
  };
  std::size_t sparse = 0;
  std::size_t unknown = 0;
  for (int round = 0; round < 100; ++round, next += 10) {
    const auto asking = go(times, next, 10);
    sparse += asking.size() < 10 ? 1 : 0;
    for (const auto sequence : asking) {
      take(times.on_stamp({kStampedSsid, sequence}, slow(sequence)), told);
    }
  }
  for (const auto& [sequence, at] : told) {
    unknown += at ? 0 : 1;
    CHECK((!at || *at == slow(sequence)));
  }
  CHECK(told.size() == 1000);
  CHECK(unknown == 8);  // the first go told what to expect
  CHECK(sparse > 80);
}

TEST_CASE("a clock that is set back between two stamps tells nothing", "[session]") {
  TransmitTimes times;
  Departures told;
  (void)go(times, 0, 3);
  take(times.on_stamp({kStampedSsid, 0}, at_step(0)), told);
  take(times.on_stamp({kStampedSsid, 2}, at_step(0) - milliseconds{1}), told);
  REQUIRE(told.size() == 3);
  CHECK_FALSE(told[1]);
}

TEST_CASE("a stamp that does not come leaves those around it unknown", "[session]") {
  TransmitTimes times;
  Departures told;
  (void)go(times, 0, 32);
  take(times.on_stamp({kStampedSsid, 0}, at_step(0)), told);
  take(times.on_stamp({kStampedSsid, 31}, at_step(31)), told);  // not of 16
  REQUIRE(told.size() == 32);
  for (std::uint32_t sequence = 1; sequence < 31; ++sequence) CHECK_FALSE(told[sequence]);
  take(times.on_stamp({kStampedSsid, 99}, at_step(99)), told);  // of none that waits
  CHECK(told[99] == at_step(99));
}

TEST_CASE("packets are given up when replies come before stamps, unless there never are any",
          "[session]") {
  TransmitTimes times;
  (void)go(times, 0, 3);
  CHECK(times.give_up().empty());
  CHECK_FALSE(times.waits());
  Departures told;
  CHECK(go(times, 3, 3).size() == 3);  // wary
  take(times.on_stamp({kStampedSsid, 3}, at_step(3)), told);
  CHECK(times.waits());
  take(times.give_up(), told);
  CHECK_FALSE(times.waits());
  REQUIRE(told.size() == 3);
  CHECK(told[3] == at_step(3));
  CHECK_FALSE(told[4]);
  told.clear();
  take(times.on_stamp({kStampedSsid, 4}, at_step(4)), told);  // here it is after all
  CHECK(told[4] == at_step(4));
}

TEST_CASE("packets for which there is no room ask for their own stamps", "[session]") {
  TransmitTimes times;
  CHECK(go(times, 0, 40).size() < 40);
  CHECK(go(times, 40, 30).size() == 30);
  Departures told;
  take(times.on_stamp({kStampedSsid, 55}, at_step(55)), told);
  CHECK(told == Departures{{55, at_step(55)}});
}

}  // namespace faultline::session
