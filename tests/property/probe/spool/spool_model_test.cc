// The spool against a naive model of what was appended and acknowledged, with restarts at random
// points. It must hold at any time: every sequence not acknowledged is covered once, by its own
// bytes or by a gap record, and gaps say exactly how many results they cost.
#include <algorithm>
#include <map>

#include "common/base/random.h"
#include "tests/integration/probe/spool/spool_fixture.h"

namespace faultline::spool {
namespace {

struct Appended {
  std::size_t size = 0;
  std::uint64_t results = 0;
  bool released = false;
};

class World {
 public:
  explicit World(std::uint64_t seed) : rng_(seed), spool_(open_spool(directory_.path())) {}

  void step() {
    const double dice = uniform(rng_);
    if (dice < 0.80) {
      append_one();
    } else if (dice < 0.93) {
      release_some();
    } else if (dice < 0.98) {
      check();
    } else {
      restart();
    }
    REQUIRE(spool_->stats().bytes <= kSpoolSizeMin);
    REQUIRE_FALSE(spool_->stats().disk_error);
  }

  void check() {
    std::map<BootId, std::uint64_t> covered_up_to;
    BootId boot{};
    for (const Batch& each : read_all(*spool_, {}, 1 + uniform_below(rng_, 40))) {
      if (each.boot != boot) REQUIRE_FALSE(covered_up_to.contains(each.boot));
      boot = each.boot;
      check_skipped(boot, covered_up_to[boot] + 1, each.first_sequence - 1);
      covered_up_to[boot] = each.sequence;
      each.is_gap() ? check_gap(each) : check_data(each);
    }
    for (const auto& [id, batches] : model_) {
      check_skipped(id, covered_up_to[id] + 1, batches.rbegin()->first);
    }
  }

  // Everything is acknowledged: nothing is left.
  void drain() {
    for (const Batch& each : read_all(*spool_)) {
      release(*spool_, each.boot, each.first_sequence, each.sequence);
    }
    REQUIRE(spool_->stats().batches == 0);
    REQUIRE(directory_.segments().size() <= 1);
  }

 private:
  void append_one() {
    const std::size_t size = 1 + uniform_below(rng_, uniform(rng_) < 0.9 ? 1'500 : 16'000);
    const std::uint64_t results = uniform_below(rng_, 50);
    auto& batches = model_[BootId{boot_}];
    const std::uint64_t sequence = batches.empty() ? 1 : batches.rbegin()->first + 1;
    append(*spool_, BootId{boot_}, sequence, size, results);
    batches[sequence] = {size, results, false};
  }

  void release_some() {
    if (model_.empty()) return;
    const auto boot =
        std::next(model_.begin(), static_cast<std::ptrdiff_t>(uniform_below(rng_, model_.size())));
    const std::uint64_t last_known = boot->second.rbegin()->first;
    const std::uint64_t first = 1 + uniform_below(rng_, last_known);
    const std::uint64_t last = first + uniform_below(rng_, 20);
    // The controller acknowledges what it has been sent: whole gaps or nothing of them.
    std::vector<SequenceInterval> durable;
    for (const Batch& each : read_all(*spool_, {}, 100)) {
      if (each.boot == boot->first && each.first_sequence >= first && each.sequence <= last) {
        durable.push_back({each.first_sequence, each.sequence});
      }
    }
    for (const auto& [from, to] : durable) {
      for (std::uint64_t s = from; s <= to; ++s) boot->second.at(s).released = true;
    }
    spool_->release(boot->first, durable);
  }

  void restart() {
    spool_.reset();
    spool_ = open_spool(directory_.path());
    REQUIRE(spool_->stats().bytes_damaged == 0);
    ++boot_;
    restarted_ = true;
  }

  // Sequences that the spool does not hold were acknowledged.
  void check_skipped(BootId boot, std::uint64_t first, std::uint64_t last) const {
    for (std::uint64_t s = first; s <= last; ++s) REQUIRE(model_.at(boot).at(s).released);
  }

  void check_data(const Batch& each) const {
    const Appended& appended = model_.at(each.boot).at(each.sequence);
    REQUIRE(each.payload == payload(each.sequence, appended.size));
    REQUIRE((restarted_ || !appended.released));
  }

  // A restart forgets acknowledgements, so a gap may then count acknowledged results; never fewer
  // than were dropped, never more than there were.
  void check_gap(const Batch& gap) const {
    std::uint64_t all = 0;
    std::uint64_t unreleased = 0;
    for (std::uint64_t s = gap.first_sequence; s <= gap.sequence; ++s) {
      const Appended& appended = model_.at(gap.boot).at(s);
      all += appended.results;
      if (!appended.released) unreleased += appended.results;
    }
    REQUIRE(gap.results_dropped >= unreleased);
    REQUIRE(gap.results_dropped <= all);
    if (!restarted_) REQUIRE(gap.results_dropped == unreleased);
  }

  Rng rng_;
  TemporaryDirectory directory_;
  std::unique_ptr<Spool> spool_;
  std::uint64_t boot_ = 1;
  bool restarted_ = false;
  std::map<BootId, std::map<std::uint64_t, Appended>> model_;
};

TEST_CASE("whatever is appended, acknowledged and restarted, nothing is lost silently", "[spool]") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    World world{seed};
    for (int step = 0; step < 400; ++step) world.step();
    world.check();
    world.drain();
  }
}

}  // namespace
}  // namespace faultline::spool
