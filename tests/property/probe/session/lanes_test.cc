// The pacer's lanes over random flows, plans, budgets and boosts: each flow keeps its rate, no turn
// waits for its lane for longer than kLaneWait, and no more is sent than the budgets allow.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "probe/session/pacer.h"
#include "tests/support/catch.h"

namespace faultline::session {
namespace {

constexpr int kIntervals = 15;  // for which each plan and each boost is watched
constexpr std::chrono::duration<double> kSecond{1};

// By how much the worst stretch of time, of whatever length, exceeds what a budget allows in it.
double excess(const std::vector<Instant>& sent, double per_second) {
  double least = 0;
  double most = 0;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const double ahead = static_cast<double>(i) - per_second * ((sent[i] - sent[0]) / kSecond);
    least = std::min(least, ahead);
    most = std::max(most, ahead - least + 1);
  }
  return most - std::max(1.0, per_second * kBurstSeconds);
}

class PacedFlows {
 public:
  // Where budgets are ample no turn is put off for want of one.
  PacedFlows(std::uint64_t seed, bool is_ample) : rng_(seed), is_ample_(is_ample) {}

  void change_plan() {
    interval_ = std::chrono::milliseconds(120 + uniform_below(rng_, 1500));
    std::erase_if(flows_, [this](const auto&) { return uniform(rng_) < 0.3; });
    flows_.resize(flows_.size() + 1 + uniform_below(rng_, 60));
    budgets_.groups = uniform_below(rng_, 4);
    const auto lanes = 1 + uniform_below(rng_, 32);
    for (auto& flow : flows_) {
      flow.lane = static_cast<std::uint16_t>(uniform_below(rng_, lanes));
      flow.group = any_group();
    }
    const double wanted = static_cast<double>(flows_.size()) / (interval_ / kSecond);
    const auto budget = [&] { return wanted * (is_ample_ ? 1000 : 0.1 + 1.4 * uniform(rng_)); };
    budgets_.packets_per_second = budget();
    budgets_.packets_per_second_per_group = budget();
    pacer_.configure(flows_, interval_, budgets_, now_, rng_);
    own_.assign(flows_.size(), interval_);
    sent_.assign(budgets_.groups + 1, {});
    run();
  }

  void boost() {
    std::vector<std::uint16_t> times;
    for (auto& own : own_) {
      times.push_back(static_cast<std::uint16_t>(1 + uniform_below(rng_, 4)));
      own = interval_ / times.back();
    }
    pacer_.boost(times, now_ + kIntervals * interval_, now_, rng_);
    run();
  }

  std::uint64_t waited = 0;  // turns: for a lane where budgets are ample, else for budget

 private:
  void run() {
    const Instant begin = now_;
    for (std::uint32_t i = 0; i < flows_.size(); ++i) flows_[i].slot = pacer_.slot_of(i);
    std::vector<std::vector<Instant>> sent(flows_.size());
    Duration amiss{};  // at most: a turn too early or too late
    for (; now_ < begin + kIntervals * interval_; now_ += kLaneTick) {
      while (const auto turn = pacer_.take(now_, rng_)) {
        const Instant slot = *std::exchange(flows_[*turn].slot, pacer_.slot_of(*turn));
        const auto jitter = std::chrono::duration_cast<Duration>(own_[*turn] * kJitter / 2);
        const auto wait = std::chrono::duration_cast<Duration>(own_[*turn] * kLaneWait);
        const Instant latest = std::max(slot + jitter + wait, begin);
        amiss = std::max({amiss, slot - jitter - now_, now_ - latest - kLaneTick});
        if (is_ample_ && now_ > std::max(slot, begin) + jitter + kLaneTick) ++waited;
        sent[*turn].push_back(now_);
        note_sent(flows_[*turn].group);
      }
      // A packet that is of no flow.
      if (const auto to = any_group(); pacer_.take_budget(to, now_)) note_sent(to);
    }
    CHECK(excess(sent_.back(), budgets_.packets_per_second) < 1e-6);
    for (std::size_t i = 0; i < budgets_.groups; ++i) {
      CHECK(excess(sent_[i], budgets_.packets_per_second_per_group) < 1e-6);
    }
    waited += pacer_.take_deferred();
    if (!is_ample_) return;
    CHECK(amiss == Duration::zero());
    for (std::size_t i = 0; i < sent.size(); ++i) {
      const auto wanted = kIntervals * interval_ / own_[i] - 3;
      const Instant from = begin + 2 * own_[i];  // before it may be an old turn, too
      const auto turns = std::ranges::count_if(
          sent[i], [&](Instant at) { return at >= from && at < from + wanted * own_[i]; });
      CHECK(std::abs(turns - wanted) <= 1);
    }
  }

  [[nodiscard]] std::optional<GroupNumber> any_group() {
    const auto group = static_cast<GroupNumber>(uniform_below(rng_, budgets_.groups + 1));
    return group < budgets_.groups ? std::optional(group) : std::nullopt;
  }
  void note_sent(std::optional<GroupNumber> group) {
    sent_.back().push_back(now_);
    if (group) sent_[*group].push_back(now_);
  }

  Rng rng_;
  bool is_ample_;
  Pacer pacer_;
  Instant now_{};
  Duration interval_{};
  Pacer::Budgets budgets_;
  std::vector<Pacer::FlowPace> flows_;
  std::vector<Duration> own_;               // by flow: its interval, boosted or not
  std::vector<std::vector<Instant>> sent_;  // under the present plan: by group, then in all
};

// Returns the turns that waited. Each seed changes its plan, and boosts it, three times.
std::uint64_t pace(bool is_ample) {
  std::uint64_t waited = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    PacedFlows flows(seed, is_ample);
    for (int plan = 0; plan < 3; ++plan) {
      flows.change_plan();
      flows.boost();
    }
    waited += flows.waited;
  }
  return waited;
}

}  // namespace

TEST_CASE("each flow keeps its rate, and waits for its lane within the bound", "[session]") {
  CHECK(pace(true) > 1000);
}

TEST_CASE("where budgets do not suffice neither lanes nor boosts exceed them", "[session]") {
  CHECK(pace(false) > 1000);
}

}  // namespace faultline::session
