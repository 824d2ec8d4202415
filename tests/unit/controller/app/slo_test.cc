// Service levels: what counts as available, and for whom.
#include "controller/app/slo.h"

#include "tests/support/catch.h"

namespace faultline::app {
namespace {

const WallTime kStart = wall_time_from_unix_seconds(1'790'000'040);  // begins a minute

store::Rollup minute(int number, NodeId source, NodeId target, std::uint64_t lost) {
  store::Rollup minute;
  minute.source = source;
  minute.target = target;
  minute.start = kStart + std::chrono::minutes{number};
  minute.sent = 360;
  minute.lost_return = lost;
  minute.rtt.add(50'000, 360);
  return minute;
}

std::set<std::string> racks(NodeId source, NodeId target) {
  const auto rack = [](NodeId node) { return node.value() <= 2 ? "a" : "b"; };
  return {rack(source), rack(target)};
}

const api::SloRow& row(const api::SloView& view, const std::string& group) {
  return *std::ranges::find(view.rows, group, &api::SloRow::group);
}

TEST_CASE("a minute of a pair is bad when a twentieth of its packets is lost", "[slo]") {
  SloBook book(racks);
  for (const int number : {0, 1}) {
    book.add(minute(number, NodeId{1}, NodeId{3}, number == 0 ? 18 : 17));
  }
  for (const int number : {0, 1}) book.add(minute(number, NodeId{1}, NodeId{2}, 0));
  book.add({.source = NodeId{1}, .target = NodeId{2}, .start = kStart - std::chrono::minutes{1}});
  const auto view = book.finish(api::SloGrouping::kRack);
  CHECK(view.measured_from == kStart);
  CHECK(view.all.pair_minutes == 4);
  CHECK(view.all.pair_minutes_bad == 1);
  CHECK(view.all.availability == 0.75);
  CHECK(view.all.sent == 1440);
  CHECK(view.all.lost == 35);
  REQUIRE(view.rows.size() == 2);
  CHECK(row(view, "a").pair_minutes == 4);
  CHECK(row(view, "b").pair_minutes == 2);
  CHECK(row(view, "b").availability == 0.5);
  CHECK(row(view, "a").loss_p50 == 0);
  CHECK(row(view, "b").loss_p99.value() == Approx(0.05).epsilon(0.13));
  CHECK(row(view, "b").rtt_p95_us.value() == Approx(50).epsilon(0.13));
}

TEST_CASE("an hour is good or bad as a whole, and counts as sixty minutes", "[slo]") {
  SloBook book(racks, std::chrono::hours{1});
  for (const int hour : {0, 1, 2})
    book.add(minute(60 * hour, NodeId{1}, NodeId{3}, hour == 1 ? 18 : 0));
  const auto view = book.finish(api::SloGrouping::kRack);
  CHECK(view.step == std::chrono::hours{1});
  CHECK(view.all.pair_minutes == 180);
  CHECK(view.all.pair_minutes_bad == 60);
  CHECK(view.all.sent == 3 * 360);
}

TEST_CASE("where nothing was measured there is no service level", "[slo]") {
  SloBook book(racks);
  const auto view = book.finish(api::SloGrouping::kZone);
  CHECK(view.rows.empty());
  CHECK_FALSE(view.measured_from);
  CHECK_FALSE(view.all.availability);
  CHECK_FALSE(view.all.loss_p50);
}

TEST_CASE("groups beyond the bound are counted as one", "[slo]") {
  SloBook book([](NodeId source, NodeId) {
    return std::set<std::string>{"r" + std::to_string(source.value())};
  });
  for (std::uint32_t node = 1; node <= api::kSloGroupsMax + 10; ++node) {
    book.add(minute(0, NodeId{node}, NodeId{9999}, 0));
  }
  const auto view = book.finish(api::SloGrouping::kRack);
  CHECK(view.rows.size() == api::kSloGroupsMax + 1);
  CHECK(row(view, "(others)").pair_minutes == 10);
}

}  // namespace
}  // namespace faultline::app
