// A probe that its controller does not hear any more, and another one that it does: the first
// one's results come by way of the second, over real TCP and CURVE.
#include <signal.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "tests/integration/probe/app/fake_controller.h"
#include "tests/integration/probe/app/probe_pair.h"

namespace faultline::tests {
namespace {

// What came of one probe, directly or by way of another.
struct Arrivals {
  std::set<std::uint64_t> sequences;
  WallTime newest_end{};

  void take(const std::vector<TakenBatch>& batches, const PublicKey& from, const PublicKey& by) {
    for (const auto& taken : batches) {
      if (taken.from != from || taken.by != by) continue;
      sequences.insert(taken.batch.sequence);
      newest_end = std::max(newest_end, taken.report.window_start + taken.report.window);
    }
  }
  // From the first to the newest, which closed just now.
  [[nodiscard]] bool are_all() const {
    return *sequences.rbegin() - *sequences.begin() + 1 == sequences.size() &&
           newest_end > async::now_wall() - std::chrono::seconds{5};
  }
};

TEST_CASE("the results of a probe that is cut off come by way of its peer until none is left",
          "[probe][mesh][relay][integration]") {
  ProbePair pair;
  auto& controller = pair.controller;
  Arrivals before;
  REQUIRE(controller.run_until([&] {
    before.take(std::exchange(controller.batches, {}), pair.a.key, PublicKey{});
    return !before.sequences.empty();
  }));
  // Refused, it begins anew at once instead of waiting for an answer; and then there is none.
  controller.deaf_to.insert(pair.a.key);
  controller.say(pair.a.key, Refusal{.reason = RefusalReason::kOverloaded, .text = "not now"});

  // One batch at a time, and windows of a second: those of half a minute come only if each is
  // acknowledged, under a seal, to whom it is of.
  constexpr std::size_t kWindowsMin = 30;
  Arrivals relayed;
  REQUIRE(controller.run_until([&] {
    relayed.take(std::exchange(controller.batches, {}), pair.a.key, pair.b.key);
    return relayed.sequences.size() >= kWindowsMin && relayed.are_all();
  }));
  CHECK(*relayed.sequences.begin() <= *before.sequences.rbegin() + 2);  // none was left out

  // Heard again, it needs nobody, and what comes of it directly goes on where that has ended.
  controller.deaf_to.clear();
  Arrivals direct;
  Arrivals all = relayed;
  REQUIRE(controller.run_until([&] {
    const auto batches = std::exchange(controller.batches, {});
    direct.take(batches, pair.a.key, PublicKey{});
    all.take(batches, pair.a.key, PublicKey{});
    all.take(batches, pair.a.key, pair.b.key);
    return !direct.sequences.empty() && all.are_all();
  }));
  CHECK(pair.a.process->end(SIGTERM).status == 0);
  CHECK(pair.b.process->end(SIGTERM).status == 0);
}

}  // namespace
}  // namespace faultline::tests
