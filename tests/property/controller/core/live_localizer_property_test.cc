// A localizer that has lived through a history says what one says that begins now and is given the
// same windows: whole, in order, at once. Two things may differ, for names were met in another
// order: which of several like flows a sentence takes as its example, and a number's last digit.
#include "controller/core/live_localizer.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "common/base/random.h"
#include "controller/localize/verdict_json.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/core/fabric.h"

namespace faultline::core {
namespace {

using Window = std::vector<NodeReport>;

// Windows in which one link or another loses packets, for a while.
class History {
 public:
  explicit History(std::uint64_t seed) : rng_(seed) {}

  Window next() {
    if (uniform_below(rng_, 8) == 0) lossy_ = uniform_below(rng_, 3);
    return Fabric::window(number_++, [&](NodeId from, FlowWindow& flow) {
      if (uniform_below(rng_, 400) == 0) flow.lost_return = 1;  // background
      if (lossy_ == 0) return;
      const auto spine = lossy_ == 1 ? kSpine1 : kSpine2;
      const bool crosses = Fabric::leaf_of(from) == kLeafA &&
                           Fabric::leaf_of(flow.target) == kLeafB &&
                           Fabric::spine_of(flow.source_port, Direction::kForward) == spine;
      if (crosses) flow.lost_forward = static_cast<std::uint32_t>(uniform_below(rng_, 6));
    });
  }

 private:
  Rng rng_;
  std::uint64_t lossy_ = 0;
  int number_ = 0;
};

float rounded(double value) { return static_cast<float>(value); }

std::string comparable(localize::Verdict verdict) {
  verdict.near_misses.clear();  // their odds, too, have last digits
  for (auto& suspect : verdict.suspects) {
    suspect.would_change.clear();
    suspect.counter_evidence.clear();
    for (auto* value : {&suspect.posterior, &suspect.loss, &suspect.loss_low, &suspect.loss_high}) {
      *value = rounded(*value);
    }
    for (auto& it : suspect.alternatives) it.odds_against = rounded(it.odds_against);
  }
  return localize::verdict_json(verdict, std::nullopt);
}

struct Delayed {
  std::size_t window = 0;  // comes with the job of this number
  NodeReport report;
};

TEST_CASE("whatever came late or was renewed, a warm localizer says what a cold one says",
          "[live][property]") {
  std::size_t suspects = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    Fabric fabric;
    History history(seed);
    Rng rng(seed + 77);
    LiveLocalizer warm({.window = kWindow});
    std::vector<Window> all;
    std::vector<Delayed> delayed;
    for (std::size_t number = 0; number < 70; ++number) {
      all.push_back(history.next());
      auto window = all.back();
      if (uniform_below(rng, 3) == 0) {
        const auto at = static_cast<std::ptrdiff_t>(uniform_below(rng, window.size()));
        delayed.push_back({number + 1 + uniform_below(rng, 20), window[std::size_t(at)]});
        window.erase(window.begin() + at);
      }
      if (uniform_below(rng, 25) == 0) {  // another id version: everything is named anew
        fabric.topology->set_node(NodeId{1}, "h1", NodeKind::kHost, address(0x101));
        fabric.topology->settle();
      }
      std::vector<Window> windows;
      std::map<WallTime, Window> late;
      std::erase_if(delayed, [&](const Delayed& it) {
        if (it.window == number) late[it.report.report->window_start].push_back(it.report);
        return it.window == number;
      });
      for (auto& [start, reports] : late) windows.push_back(std::move(reports));
      windows.push_back(std::move(window));
      const auto said = warm.solve(fabric.job(windows));
      suspects += said.verdict.suspects.size();
      if (number % 10 != 9) continue;
      CAPTURE(number);
      auto given = all;
      for (const auto& it : delayed) {
        for (auto& reports : given) {
          std::erase_if(reports, [&](const NodeReport& report) {
            return report.node == it.report.node &&
                   report.report->window_start == it.report.report->window_start;
          });
        }
      }
      LiveLocalizer cold({.window = kWindow});
      const auto anew = cold.solve(fabric.job(given));
      CHECK(comparable(said.verdict) == comparable(anew.verdict));
      CHECK(said.affected == anew.affected);
    }
  }
  CHECK(suspects > 50);
}

TEST_CASE("in a large fleet the longer horizons take turns, and name what a small one names",
          "[live][property]") {
  std::size_t same = 0;
  std::size_t judged = 0;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    CAPTURE(seed);
    const Fabric fabric;
    History history(seed);
    LiveLocalizer small({.window = kWindow});
    LiveLocalizer large({.window = kWindow, .flows_at_once_max = 0});
    for (int number = 0; number < 70; ++number) {
      const auto window = history.next();
      const auto left = small.solve(fabric.job({window})).verdict;
      const auto right = large.solve(fabric.job({window})).verdict;
      const auto names = [](const localize::Verdict& verdict) {
        std::set<std::string> ids;
        for (const auto& it : verdict.suspects) ids.insert(it.id);
        return ids;
      };
      ++judged;
      same += names(left) == names(right) ? 1 : 0;
    }
  }
  CAPTURE(same, judged);
  CHECK(same * 10 >= judged * 9);
}

}  // namespace
}  // namespace faultline::core
