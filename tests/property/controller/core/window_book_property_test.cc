// WindowBook over random fleets: some nodes are punctual, some slow, some too late, some come and
// go, some are gone. Whatever they do, nothing is given out twice or lost, nothing waits for longer
// than a grace, and no node holds the others for long.
#include "controller/core/window_book.h"

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "common/base/random.h"
#include "tests/support/catch.h"

namespace faultline::core {
namespace {

using std::chrono::seconds;

constexpr Duration kLength = seconds{10};
constexpr Duration kDelay = seconds{4};
const WallTime kBegin = wall_time_from_unix_seconds(1'790'000'000);

enum class Habit : std::uint8_t { kPunctual, kSlow, kTooLate, kFlapping, kGone };

// Of one window of a node: how long after its end it is reported; nothing: never.
std::optional<Duration> delay_of(Habit habit, Rng& rng) {
  const auto between = [&](std::int64_t from, std::int64_t to) {
    return seconds{from + static_cast<std::int64_t>(
                              uniform_below(rng, static_cast<std::uint64_t>(to - from)))};
  };
  switch (habit) {
    case Habit::kPunctual:
      return between(2, 4);
    case Habit::kSlow:
      return between(4, 13);
    case Habit::kTooLate:
      return between(15, 40);
    case Habit::kFlapping:
      return uniform_below(rng, 2) == 0 ? std::optional(between(2, 4)) : std::nullopt;
    case Habit::kGone:
      break;
  }
  return std::nullopt;
}

struct Judged {
  WallTime window_start{};
  Duration after{};  // its end
  std::size_t reported = 0;
  bool operator==(const Judged&) const = default;
};

// A book and who reports to it, polled every second.
class Reporters {
 public:
  explicit Reporters(std::uint64_t seed) : rng_(seed) {}

  std::vector<Habit> habits;
  std::vector<Judged> judged;
  std::set<const Report*> added;
  std::map<const Report*, int> given;

  void pass_windows(int windows) {
    const WallTime end = now_ + kLength * windows;
    for (; now_ < end; now_ += seconds{1}) {
      if (window_start(now_, kLength) == now_) draw_window();
      report_what_is_due();
      while (auto ripe = book_.take_ripe(now_, everybody())) note(*ripe);
    }
  }

 private:
  [[nodiscard]] std::set<NodeId> everybody() const {
    std::set<NodeId> nodes;
    for (std::uint32_t i = 0; i < habits.size(); ++i) nodes.insert(NodeId{i + 1});
    return nodes;
  }
  // Of the window that begins now.
  void draw_window() {
    for (std::uint32_t i = 0; i < habits.size(); ++i) {
      const auto delay = delay_of(habits[i], rng_);
      if (!delay) continue;
      auto report = std::make_shared<const Report>(Report{.window_start = now_, .window = kLength});
      due_.emplace(now_ + kLength + *delay, NodeReport{NodeId{i + 1}, std::move(report)});
    }
  }
  void report_what_is_due() {
    for (; !due_.empty() && due_.begin()->first <= now_; due_.erase(due_.begin())) {
      auto& report = due_.begin()->second;
      added.insert(report.report.get());
      kept_.push_back(report.report);
      book_.add(now_, std::move(report));
    }
  }
  void note(const RipeWindow& ripe) {
    judged.push_back({ripe.window_start, now_ - ripe.window_start - kLength, ripe.nodes_reported});
    for (const auto& window : ripe.windows) {
      for (const auto& report : window) ++given[report.report.get()];
    }
  }

  Rng rng_;
  WindowBook book_{{.window = kLength, .report_delay = kDelay}};
  WallTime now_ = kBegin;
  std::multimap<WallTime, NodeReport> due_;
  std::vector<std::shared_ptr<const Report>> kept_;  // so that no address is another's
};

TEST_CASE("every report is given out once, and no window waits for longer than its grace",
          "[window_book]") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    Reporters fleet(seed);
    fleet.habits.resize(2 + uniform_below(rng, 8), Habit::kPunctual);
    for (int change = 0; change < 20; ++change) {
      // The first stays punctual: a window that nobody reports is judged when somebody does.
      auto& habit = fleet.habits[1 + uniform_below(rng, fleet.habits.size() - 1)];
      habit = static_cast<Habit>(uniform_below(rng, 5));
      fleet.pass_windows(5);
    }
    // What is late waits for the next window that is judged.
    for (auto& habit : fleet.habits) habit = Habit::kPunctual;
    fleet.pass_windows(8);
    for (std::size_t i = 0; i < fleet.judged.size(); ++i) {
      CHECK(fleet.judged[i].after <= kDelay + kLength);
      if (i > 0) CHECK(fleet.judged[i - 1].window_start < fleet.judged[i].window_start);
    }
    // The last windows are still open, or late ones wait.
    std::size_t waiting = fleet.added.size();
    for (const auto& [report, times] : fleet.given) {
      CHECK(times == 1);
      CHECK(fleet.added.contains(report));
      --waiting;
    }
    CHECK(waiting <= 2 * fleet.habits.size());
  }
}

TEST_CASE("one node, whatever it does, does not hold the others for long", "[window_book]") {
  constexpr int kWindows = 660;
  // Doubling, and then one in so many.
  constexpr int kHeldMax = 6 + kWindows / static_cast<int>(WindowBook::kOwedMax);
  for (const auto habit : {Habit::kTooLate, Habit::kFlapping, Habit::kGone}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      CAPTURE(seed, static_cast<int>(habit));
      Reporters fleet(seed);
      fleet.habits = {Habit::kPunctual, Habit::kPunctual, habit};
      fleet.pass_windows(kWindows);
      REQUIRE(fleet.judged.size() > kWindows - 5);
      int held = 0;
      for (const auto& window : fleet.judged) {
        if (window.after > kDelay) ++held;
      }
      CHECK(held <= (habit == Habit::kGone ? 1 : kHeldMax));
    }
  }
}

// After an outage of many, windows were judged with half of the reports for as long as the others
// took a second more than a window may.
TEST_CASE("nodes that come back and are slow are waited for from their second window on",
          "[window_book]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    Reporters fleet(seed);
    fleet.habits.resize(8, Habit::kPunctual);
    fleet.pass_windows(5);
    for (auto& habit : fleet.habits) {
      if (uniform_below(rng, 2) == 0) habit = Habit::kGone;
    }
    fleet.pass_windows(2 + static_cast<int>(uniform_below(rng, 10)));
    const auto before = fleet.judged.size();
    for (auto& habit : fleet.habits) habit = Habit::kSlow;
    fleet.pass_windows(20);
    // Up to two of before, and the first.
    REQUIRE(fleet.judged.size() >= before + 15);
    for (std::size_t i = before + 3; i < fleet.judged.size(); ++i) {
      CHECK(fleet.judged[i].reported == fleet.habits.size());
    }
  }
}

}  // namespace
}  // namespace faultline::core
