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

// How long after the end of the window it is judged, in seconds; -1: it is not.
int judged_after(WindowBook& book, WallTime start) {
  for (int waited = 3; waited < 30; ++waited) {
    if (book.take_ripe(start + kBookWindow + seconds{waited}, kTwoNodes)) return waited;
  }
  return -1;
}

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
  const auto judged = [&](int window) { return judged_after(book, kFirst + kBookWindow * window); };
  add(0, {1});
  CHECK(judged(0) == 14);
  add(1, {1});
  CHECK(judged(1) == 4);
  add(2, {1, 2});
  CHECK(judged(2) == 3);
  add(3, {1});
  CHECK(judged(3) == 14);
}

// All are late while they write what they kept; the next windows were judged without them too.
TEST_CASE("who reported a window too late is waited for again", "[window_book]") {
  WindowBook book({.window = kBookWindow, .report_delay = seconds{4}});
  const WallTime second = kFirst + kBookWindow;
  book.add(kFirst + seconds{13}, {NodeId{1}, report_of(kFirst)});
  REQUIRE(judged_after(book, kFirst) == 14);
  book.add(kFirst + seconds{25}, {NodeId{2}, report_of(kFirst)});
  book.add(second + seconds{13}, {NodeId{1}, report_of(second)});
  CHECK_FALSE(book.take_ripe(second + seconds{23}, kTwoNodes));
  book.add(second + seconds{23}, {NodeId{2}, report_of(second)});
  const auto ripe = book.take_ripe(second + seconds{23}, kTwoNodes);
  REQUIRE(ripe);
  CHECK(ripe->nodes_reported == 2);
}

TEST_CASE("a backlog of before it was missed says nothing of when a node reports next",
          "[window_book]") {
  WindowBook book({.window = kBookWindow, .report_delay = seconds{4}});
  const WallTime second = kFirst + kBookWindow;
  book.add(kFirst + seconds{13}, {NodeId{1}, report_of(kFirst)});
  REQUIRE(judged_after(book, kFirst) == 14);
  book.add(kFirst + seconds{25}, {NodeId{2}, report_of(kFirst - kBookWindow)});
  book.add(second + seconds{13}, {NodeId{1}, report_of(second)});
  CHECK(judged_after(book, second) == 4);
}

// Nobody waited for them; the windows that are new meanwhile were judged without half of the nodes.
TEST_CASE("a backlog that comes when its grace is over costs nobody patience", "[window_book]") {
  WindowBook book({.window = kBookWindow, .report_delay = seconds{4}});
  const WallTime live = kFirst + 10 * kBookWindow;
  book.add(live, {NodeId{1}, report_of(kFirst)});
  REQUIRE(book.take_ripe(live, kTwoNodes));
  book.add(live + seconds{13}, {NodeId{1}, report_of(live)});
  CHECK_FALSE(book.take_ripe(live + seconds{23}, kTwoNodes));
  book.add(live + seconds{23}, {NodeId{2}, report_of(live)});
  const auto ripe = book.take_ripe(live + seconds{23}, kTwoNodes);
  REQUIRE(ripe);
  CHECK(ripe->nodes_reported == 2);
}

// A node is waited for in vain once, reports so many windows, misses one, reports one and misses
// one more. Returns how long it was waited for then: not for a grace if it still owed a window.
int held_after_second_miss(int windows, bool as_a_backlog) {
  WindowBook book({.window = kBookWindow, .report_delay = seconds{4}});
  const auto start_of = [](int window) { return kFirst + kBookWindow * window; };
  const WallTime outage_end = start_of(windows + 5);  // the grace of all of them is over
  book.add(start_of(0) + seconds{13}, {NodeId{1}, report_of(start_of(0))});
  REQUIRE(judged_after(book, start_of(0)) == 14);
  for (int window = 1; window <= windows; ++window) {
    const WallTime now = as_a_backlog ? outage_end : start_of(window) + seconds{13};
    for (const auto node : kTwoNodes) book.add(now, {node, report_of(start_of(window))});
    REQUIRE(book.take_ripe(now, kTwoNodes));
  }
  const int live = windows + 10;
  book.add(start_of(live) + seconds{13}, {NodeId{1}, report_of(start_of(live))});
  REQUIRE(judged_after(book, start_of(live)) == 14);
  for (const auto node : kTwoNodes) {
    book.add(start_of(live + 1) + seconds{13}, {node, report_of(start_of(live + 1))});
  }
  REQUIRE(judged_after(book, start_of(live + 1)) == 3);
  book.add(start_of(live + 2) + seconds{13}, {NodeId{1}, report_of(start_of(live + 2))});
  return judged_after(book, start_of(live + 2));
}

// All of a backlog is complete when it is judged: that says nothing of who is punctual.
TEST_CASE("windows of a backlog do not make up for what was in vain, windows in time do",
          "[window_book]") {
  constexpr int kEnough = static_cast<int>(WindowBook::kForgivenAfter);
  CHECK(held_after_second_miss(kEnough, false) == 14);     // forgiven: it owed one, and has paid
  CHECK(held_after_second_miss(kEnough - 1, false) == 4);  // not yet: it owes one more
  CHECK(held_after_second_miss(2 * kEnough, true) == 4);
}

// It owed nothing, and was to be forgiven with the next window.
TEST_CASE("a backlog without a node leaves it what it has made up for", "[window_book]") {
  WindowBook book({.window = kBookWindow, .report_delay = seconds{4}});
  const auto start_of = [](int window) { return kFirst + kBookWindow * window; };
  const auto add = [&](int window, const std::set<NodeId>& nodes) {
    for (const auto node : nodes) {
      book.add(start_of(window) + seconds{13}, {node, report_of(start_of(window))});
    }
    return judged_after(book, start_of(window));
  };
  constexpr int kEnough = static_cast<int>(WindowBook::kForgivenAfter);
  REQUIRE(add(0, {NodeId{1}}) == 14);
  for (int window = 1; window < kEnough; ++window) REQUIRE(add(window, kTwoNodes) == 3);
  const WallTime outage_end = start_of(kEnough + 5);
  book.add(outage_end, {NodeId{1}, report_of(start_of(kEnough))});
  REQUIRE(book.take_ripe(outage_end, kTwoNodes));
  REQUIRE(add(kEnough + 5, kTwoNodes) == 3);
  CHECK(add(kEnough + 6, {NodeId{1}}) == 14);
  REQUIRE(add(kEnough + 7, kTwoNodes) == 3);
  CHECK(add(kEnough + 8, {NodeId{1}}) == 14);  // it was forgiven, and owed no more than one
}

TEST_CASE("each time in vain doubles what a node must report before it is waited for again",
          "[window_book]") {
  WindowBook book({.window = kBookWindow, .report_delay = seconds{4}});
  std::vector<int> held;
  for (int window = 0; window < 80; ++window) {
    const WallTime start = kFirst + kBookWindow * window;
    book.add(start + seconds{13}, {NodeId{1}, report_of(start)});
    if (judged_after(book, start) == 14) held.push_back(window);
    book.add(start + seconds{26}, {NodeId{2}, report_of(start)});  // always too late
  }
  // Its own late report is the first that it owes.
  CHECK(held == std::vector{0, 1, 3, 7, 15, 31, 63});
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

// Its name is that of another ten seconds now, and what is one fault would have been seen twice.
TEST_CASE("after a small step back a window that was judged before it was due stays judged",
          "[window_book]") {
  WindowBook book({.window = kBookWindow, .report_delay = seconds{4}});
  const WallTime next = kFirst + kBookWindow;
  for (const auto node : kTwoNodes) book.add(kFirst + seconds{13}, {node, report_of(kFirst)});
  REQUIRE(book.take_ripe(kFirst + seconds{13}, kTwoNodes));
  const WallTime now = kFirst + seconds{8};
  book.set_back(now);
  CHECK(book.last_judged() == kFirst);
  CHECK(book.first_open(now) == next);  // what was given out is recalled
  CHECK_FALSE(book.add(now, {NodeId{3}, report_of(kFirst)}));
  CHECK_FALSE(book.take_ripe(kFirst + seconds{30}, kTwoNodes));
  for (const auto node : kTwoNodes) book.add(next + seconds{13}, {node, report_of(next)});
  const auto ripe = book.take_ripe(next + seconds{13}, kTwoNodes);
  REQUIRE(ripe);
  CHECK(ripe->window_start == next);
  CHECK(ripe->windows.size() == 2);  // with the one that came after the step
}

TEST_CASE("a node that was waited for in vain is not forgiven later for a clock that was set back",
          "[window_book]") {
  WindowBook book({.window = kBookWindow, .report_delay = seconds{4}});
  book.add(kFirst + seconds{13}, {NodeId{1}, report_of(kFirst)});
  REQUIRE(judged_after(book, kFirst) == 14);
  const WallTime before = kFirst - 60 * kBookWindow;
  book.set_back(before + seconds{4});
  for (const auto node : kTwoNodes) book.add(before + seconds{13}, {node, report_of(before)});
  REQUIRE(judged_after(book, before) == 3);
  book.add(before + seconds{23}, {NodeId{1}, report_of(before + kBookWindow)});
  CHECK(judged_after(book, before + kBookWindow) == 14);  // it has reported one since
}

}  // namespace
}  // namespace faultline::core
