#include "controller/core/window_book.h"

#include "tests/support/catch.h"

namespace faultline::core {
namespace {

using std::chrono::seconds;

constexpr Duration kBookWindow = seconds{10};
const WallTime kFirst = wall_time_from_unix_seconds(1'790'000'000);

std::shared_ptr<const Report> report_of(WallTime start, std::uint32_t flows = 1) {
  Report report;
  report.window_start = start;
  report.window = kBookWindow;
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
  WindowBook book({.window = kBookWindow});
  const WallTime now = kFirst + seconds{14};
  book.add(now, {NodeId{1}, report_of(kFirst)});
  CHECK_FALSE(book.take_ripe(now, kTwoNodes));
  book.add(now, {NodeId{2}, report_of(kFirst)});
  const auto ripe = book.take_ripe(now, kTwoNodes);
  REQUIRE(ripe);
  CHECK(ripe->window_start == kFirst);
  CHECK(ripe->nodes_reported == 2);
  CHECK_FALSE(book.take_ripe(now, kTwoNodes));
}

TEST_CASE("a silent node delays judgement by one window of grace and no longer", "[window_book]") {
  WindowBook book({.window = kBookWindow, .report_delay = seconds{4}});
  book.add(kFirst + seconds{14}, {NodeId{1}, report_of(kFirst)});
  CHECK_FALSE(book.take_ripe(kFirst + seconds{23}, kTwoNodes));
  const auto ripe = book.take_ripe(kFirst + seconds{24}, kTwoNodes);
  REQUIRE(ripe);
  CHECK(ripe->nodes_expected == 2);
  CHECK(ripe->nodes_reported == 1);
}

TEST_CASE("who was waited for in vain is not waited for again, until he reports in time",
          "[window_book]") {
  WindowBook book({.window = kBookWindow, .report_delay = seconds{4}});
  const auto add = [&](int window, std::initializer_list<std::uint32_t> nodes) {
    const WallTime start = kFirst + kBookWindow * window;
    for (const auto node : nodes) {
      book.add(start + seconds{13}, {NodeId{node}, report_of(start)});
    }
  };
  // How long after the end of the window, in seconds.
  const auto judged_after = [&](int window) {
    const WallTime end = kFirst + kBookWindow * (window + 1);
    for (int waited = 3; waited < 30; ++waited) {
      if (book.take_ripe(end + seconds{waited}, kTwoNodes)) return waited;
    }
    return -1;
  };
  add(0, {1});
  CHECK(judged_after(0) == 14);
  add(1, {1});
  CHECK(judged_after(1) == 4);
  add(2, {1, 2});
  CHECK(judged_after(2) == 3);
  add(3, {1});
  CHECK(judged_after(3) == 14);
}

TEST_CASE("a report for a judged window is counted as late and does not reopen it",
          "[window_book]") {
  WindowBook book({.window = kBookWindow});
  const WallTime now = kFirst + seconds{30};
  book.add(now, {NodeId{1}, report_of(kFirst)});
  REQUIRE(book.take_ripe(now, kTwoNodes));
  CHECK_FALSE(book.add(now, {NodeId{2}, report_of(kFirst)}));
  CHECK(book.late_reports() == 1);
  CHECK_FALSE(book.take_ripe(now, kTwoNodes));
}

TEST_CASE("a report from the future is refused, so a wrong clock cannot fill the book",
          "[window_book]") {
  WindowBook book({.window = kBookWindow});
  CHECK_FALSE(book.add(kFirst, {NodeId{1}, report_of(kFirst + kBookWindow * 5)}));
  CHECK(book.refused_reports() == 1);
  CHECK_FALSE(book.take_ripe(kFirst + kBookWindow * 10, kTwoNodes));
}

TEST_CASE("every report is given out once, late ones with the next window that is judged",
          "[window_book]") {
  WindowBook book({.window = kBookWindow});
  const std::set<NodeId> one{NodeId{1}};
  for (int i = 0; i < 4; ++i) {
    const WallTime start = kFirst + kBookWindow * i;
    const WallTime now = start + seconds{14};
    book.add(now, {NodeId{1}, report_of(start, static_cast<std::uint32_t>(i + 1))});
    if (i == 3) book.add(now, {NodeId{2}, report_of(kFirst)});
    const auto ripe = book.take_ripe(now, one);
    REQUIRE(ripe);
    CHECK(ripe->windows.size() == (i == 3 ? 2U : 1U));
    CHECK(ripe->windows.back().front().report->window_start == start);
    CHECK(book.sessions_reporting() == static_cast<std::uint64_t>(i + 1));
    if (i == 3) CHECK(ripe->windows.front().front().report->window_start == kFirst);
  }
}

TEST_CASE("a late report that no horizon reaches is counted and let go", "[window_book]") {
  WindowBook book({.window = kBookWindow, .horizon_windows = 2});
  const std::set<NodeId> one{NodeId{1}};
  for (int i = 0; i < 2; ++i) {
    const WallTime start = kFirst + kBookWindow * (2 + i);
    book.add(start + seconds{14}, {NodeId{1}, report_of(start)});
    if (i == 1) book.add(start + seconds{14}, {NodeId{1}, report_of(kFirst)});
    REQUIRE(book.take_ripe(start + seconds{14}, one)->windows.size() == 1);
  }
  CHECK(book.late_reports() == 1);
}

TEST_CASE("late reports are bounded", "[window_book]") {
  WindowBook book({.window = kBookWindow});
  const WallTime now = kFirst + seconds{14};
  book.add(now, {NodeId{1}, report_of(kFirst)});
  REQUIRE(book.take_ripe(now, {NodeId{1}}));
  const auto late = report_of(kFirst);
  const auto add = [&](std::uint32_t node, std::size_t reports) {
    for (std::size_t i = 0; i < reports; ++i) book.add(now, {NodeId{node}, late});
  };
  add(2, WindowBook::kLateReportsPerNodeMax + 1);
  CHECK(book.refused_reports() == 1);
  add(3, 1);  // the others are not to pay for it
  CHECK(book.refused_reports() == 1);
  for (std::uint32_t node = 4; book.refused_reports() == 1; ++node) {
    REQUIRE(node < 100);
    add(node, WindowBook::kLateReportsPerNodeMax);
  }
  CHECK(book.late_reports() == WindowBook::kLateReportsMax + 2);
  CHECK(book.refused_late_reports() == 2);
  const auto next = kFirst + kBookWindow;
  book.add(now + kBookWindow, {NodeId{1}, report_of(next)});
  const auto ripe = book.take_ripe(now + kBookWindow, {NodeId{1}});
  REQUIRE(ripe);
  CHECK(ripe->windows.front().size() == WindowBook::kLateReportsMax);
  add(2, 1);
  CHECK(book.refused_late_reports() == 2);
}

TEST_CASE("a solver that does not keep up gets all windows and judges the newest ones",
          "[window_book]") {
  WindowBook book({.window = kBookWindow});
  const std::set<NodeId> one{NodeId{1}};
  constexpr int kWindows = 7;
  for (int i = 0; i < kWindows; ++i) {
    book.add(kFirst + kBookWindow * i, {NodeId{1}, report_of(kFirst + kBookWindow * i)});
  }
  const WallTime now = kFirst + kBookWindow * (kWindows + 1);
  const auto skipped = kWindows - static_cast<int>(WindowBook::kWindowsBehindMax);
  auto ripe = book.take_ripe(now, one);
  REQUIRE(ripe);
  CHECK(ripe->window_start == kFirst + kBookWindow * skipped);
  CHECK(ripe->windows.size() == static_cast<std::size_t>(skipped) + 1);
  CHECK(book.windows_skipped() == static_cast<std::uint64_t>(skipped));
  CHECK(book.take_ripe(now, one)->windows.size() == 1);
  CHECK(book.take_ripe(now, one)->windows.size() == 1);
  CHECK_FALSE(book.take_ripe(now, one));
}

TEST_CASE("while nobody takes any, the newest windows are kept", "[window_book]") {
  WindowBook book({.window = kBookWindow});
  for (std::size_t i = 0; i < WindowBook::kWindowsKeptMax + 5; ++i) {
    const WallTime start = kFirst + kBookWindow * static_cast<std::int64_t>(i);
    CHECK(book.add(start, {NodeId{1}, report_of(start)}));
  }
  CHECK(book.windows_skipped() == 5);
}

TEST_CASE("at a start what was due counts as judged, and what is open is kept", "[window_book]") {
  WindowBook book({.window = kBookWindow, .report_delay = seconds{4}});
  for (int i = 0; i < 3; ++i) {
    book.add(kFirst + kBookWindow * i, {NodeId{1}, report_of(kFirst + kBookWindow * i)});
  }
  const WallTime now = kFirst + kBookWindow * 2 + seconds{4};
  book.skip_due(now);
  CHECK(book.first_not_due(now) == kFirst + kBookWindow * 2);
  CHECK(book.last_judged() == kFirst + kBookWindow);
  const auto ripe = book.take_ripe(now, {NodeId{1}});
  REQUIRE(ripe);
  CHECK(ripe->window_start == kFirst + kBookWindow * 2);
  CHECK(ripe->windows.size() == 1);
}

TEST_CASE("a probe that restarts within a window reports it twice, and both count",
          "[window_book]") {
  WindowBook book({.window = kBookWindow});
  const WallTime now = kFirst + seconds{14};
  book.add(now, {NodeId{1}, report_of(kFirst, 2)});
  book.add(now, {NodeId{1}, report_of(kFirst, 3)});
  const auto ripe = book.take_ripe(now, {NodeId{1}});
  REQUIRE(ripe);
  CHECK(ripe->nodes_reported == 1);
  CHECK(ripe->windows.back().size() == 2);
  CHECK(book.sessions_reporting() == 3);
}

TEST_CASE("one node's reports for one window are bounded", "[window_book]") {
  WindowBook book({.window = kBookWindow});
  for (std::size_t i = 0; i < WindowBook::kReportsPerNodeMax; ++i) {
    CHECK(book.add(kFirst, {NodeId{1}, report_of(kFirst)}));
  }
  CHECK_FALSE(book.add(kFirst, {NodeId{1}, report_of(kFirst)}));
  CHECK(book.refused_reports() == 1);
}

// It judged nothing until the clock had caught up.
TEST_CASE("when the clock is set back, windows are judged by the new time at once",
          "[window_book]") {
  WindowBook book({.window = kBookWindow, .report_delay = seconds{4}});
  const auto report_both = [&](WallTime start) {
    for (const auto node : kTwoNodes) book.add(start + seconds{14}, {node, report_of(start)});
  };
  report_both(kFirst);
  REQUIRE(book.take_ripe(kFirst + seconds{14}, kTwoNodes));
  book.add(kFirst + seconds{15}, {NodeId{1}, report_of(kFirst - kBookWindow)});  // late
  book.add(kFirst + seconds{23}, {NodeId{1}, report_of(kFirst + kBookWindow)});  // of the future
  book.add(kFirst + seconds{23}, {NodeId{2}, report_of(kFirst - 30 * kBookWindow)});  // late
  const WallTime now = kFirst - seconds{60} + seconds{4};
  book.set_back(now);
  CHECK(book.last_judged() == kFirst - seconds{70});
  report_both(kFirst - seconds{60});
  const auto ripe = book.take_ripe(now + seconds{10}, kTwoNodes);
  REQUIRE(ripe);
  CHECK(ripe->window_start == kFirst - seconds{60});
  CHECK(ripe->windows.size() == 1);  // what was late lies in the journal, and is recalled
  CHECK_FALSE(book.take_ripe(kFirst + seconds{60}, kTwoNodes));
}

TEST_CASE("a small step back keeps the window that is just being reported", "[window_book]") {
  WindowBook book({.window = kBookWindow, .report_delay = seconds{4}});
  book.add(kFirst + seconds{13}, {NodeId{1}, report_of(kFirst)});
  book.set_back(kFirst + seconds{10});
  book.add(kFirst + seconds{11}, {NodeId{2}, report_of(kFirst)});
  const auto ripe = book.take_ripe(kFirst + seconds{14}, kTwoNodes);
  REQUIRE(ripe);
  CHECK(ripe->nodes_reported == 2);
}

}  // namespace
}  // namespace faultline::core
