#include "controller/core/window_book.h"

#include "tests/support/catch.h"

namespace faultline::core {
namespace {

using std::chrono::seconds;

constexpr Duration kWindow = seconds{10};
const WallTime kStart = wall_time_from_unix_seconds(1'790'000'000);

std::shared_ptr<const Report> report_of(WallTime start, std::uint32_t flows = 1) {
  Report report;
  report.window_start = start;
  report.window = kWindow;
  for (std::uint32_t i = 0; i < flows; ++i) {
    FlowWindow flow;
    flow.source_port = static_cast<std::uint16_t>(42000 + i);
    flow.sent = 10;
    report.flows.push_back(flow);
  }
  return std::make_shared<const Report>(std::move(report));
}

const std::set<NodeId> kTwoNodes{NodeId{1}, NodeId{2}};

TEST_CASE("a window is judged as soon as every expected node has reported", "[window_book]") {
  WindowBook book({.window = kWindow});
  const WallTime now = kStart + seconds{14};
  book.add(now, {NodeId{1}, report_of(kStart)});
  CHECK_FALSE(book.take_ripe(now, kTwoNodes));
  book.add(now, {NodeId{2}, report_of(kStart)});
  const auto ripe = book.take_ripe(now, kTwoNodes);
  REQUIRE(ripe);
  CHECK(ripe->window_start == kStart);
  CHECK(ripe->nodes_reported == 2);
  CHECK_FALSE(book.take_ripe(now, kTwoNodes));
}

TEST_CASE("a silent node delays judgement by one window of grace and no longer", "[window_book]") {
  WindowBook book({.window = kWindow, .report_delay = seconds{4}});
  book.add(kStart + seconds{14}, {NodeId{1}, report_of(kStart)});
  CHECK_FALSE(book.take_ripe(kStart + seconds{23}, kTwoNodes));
  const auto ripe = book.take_ripe(kStart + seconds{24}, kTwoNodes);
  REQUIRE(ripe);
  CHECK(ripe->nodes_expected == 2);
  CHECK(ripe->nodes_reported == 1);
}

TEST_CASE("a report for a judged window is counted as late and does not reopen it",
          "[window_book]") {
  WindowBook book({.window = kWindow});
  const WallTime now = kStart + seconds{30};
  book.add(now, {NodeId{1}, report_of(kStart)});
  REQUIRE(book.take_ripe(now, kTwoNodes));
  CHECK_FALSE(book.add(now, {NodeId{2}, report_of(kStart)}));
  CHECK(book.late_reports() == 1);
  CHECK_FALSE(book.take_ripe(now, kTwoNodes));
}

TEST_CASE("a report from the future is refused, so a wrong clock cannot fill the book",
          "[window_book]") {
  WindowBook book({.window = kWindow});
  CHECK_FALSE(book.add(kStart, {NodeId{1}, report_of(kStart + kWindow * 5)}));
  CHECK(book.refused_reports() == 1);
  CHECK_FALSE(book.take_ripe(kStart + kWindow * 10, kTwoNodes));
}

TEST_CASE("the horizon holds the windows before the judged one, and drops older ones",
          "[window_book]") {
  WindowBook book({.window = kWindow, .horizon_windows = 2});
  const std::set<NodeId> one{NodeId{1}};
  for (int i = 0; i < 4; ++i) {
    const WallTime start = kStart + kWindow * i;
    const WallTime now = start + seconds{14};
    book.add(now, {NodeId{1}, report_of(start, static_cast<std::uint32_t>(i + 1))});
    const auto ripe = book.take_ripe(now, one);
    REQUIRE(ripe);
    CHECK(ripe->windows.size() == (i == 0 ? 1U : 2U));
    CHECK(ripe->windows.back().front().report->window_start == start);
    CHECK(book.sessions_reporting() == static_cast<std::uint64_t>(i + 1));
  }
}

TEST_CASE("a probe that restarts within a window reports it twice, and both count",
          "[window_book]") {
  WindowBook book({.window = kWindow});
  const WallTime now = kStart + seconds{14};
  book.add(now, {NodeId{1}, report_of(kStart, 2)});
  book.add(now, {NodeId{1}, report_of(kStart, 3)});
  const auto ripe = book.take_ripe(now, {NodeId{1}});
  REQUIRE(ripe);
  CHECK(ripe->nodes_reported == 1);
  CHECK(ripe->windows.back().size() == 2);
  CHECK(book.sessions_reporting() == 3);
}

TEST_CASE("one node's reports for one window are bounded", "[window_book]") {
  WindowBook book({.window = kWindow});
  for (std::size_t i = 0; i < WindowBook::kReportsPerNodeMax; ++i) {
    CHECK(book.add(kStart, {NodeId{1}, report_of(kStart)}));
  }
  CHECK_FALSE(book.add(kStart, {NodeId{1}, report_of(kStart)}));
  CHECK(book.refused_reports() == 1);
}

}  // namespace
}  // namespace faultline::core
