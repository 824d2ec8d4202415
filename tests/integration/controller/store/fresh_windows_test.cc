// One node's reports among those of many that are not sealed: none is missed by looking where the
// next one should be.
#include <algorithm>

#include "common/base/random.h"
#include "common/wire/report_codec.h"
#include "tests/integration/controller/store/store_fixture.h"

namespace faultline::store {
namespace {

constexpr std::uint32_t kNodes = 9;
constexpr std::uint32_t kTargets = 3;

Report report_of(WallTime start, Duration window, std::uint64_t plan, std::uint32_t first_target) {
  Report report{.plan = PlanRevision{plan}, .window_start = start, .window = window};
  for (std::uint32_t target = first_target; target < first_target + kTargets; ++target) {
    report.flows.push_back({.target = NodeId{target},
                            .source_port = static_cast<std::uint16_t>(40000 + plan),
                            .sent = 10,
                            .rtt_min_ns = 1,
                            .rtt_mean_ns = 2,
                            .rtt_max_ns = 3});
    stats::Histogram rtt;
    rtt.add(std::uint64_t{1000} * target, 1);
    report.delays.push_back({NodeId{target}, rtt});
  }
  return report;
}

// A life of one node: the plan and with it the length of windows change now and then, in the middle
// of a window too; windows are missing, come in two reports, or are gaps; it starts again.
class Life {
 public:
  Life(std::uint32_t node, std::uint64_t seed) : node_(node), rng_(seed * 100 + node) {}

  std::vector<JournalEntry> run() {
    WallTime at = window(0);
    while (at < window(200)) {
      at = window_start(at, length_);
      if (uniform(rng_) < 0.1) {
        boot_ += uniform_below(rng_, 2) == 0 ? 100 : -100;
        sequence_ = 0;
      }
      const auto what = uniform(rng_);
      if (what < 0.75) add(at, 1);
      if (what < 0.1) add(at, 1 + kTargets);
      if (what > 0.97) gap(at);
      Duration passed = length_;
      if (uniform(rng_) < 0.05) {
        ++plan_;
        const auto other = std::chrono::seconds{uniform_below(rng_, 2) == 0 ? 5 : 10};
        if (uniform(rng_) < 0.5) passed = other;  // at once
        length_ = other;
      }
      at += passed;
    }
    return std::move(entries_);
  }

 private:
  void add(WallTime at, std::uint32_t first_target) {
    push(at, wire::encode(report_of(at, length_, plan_, first_target)));
  }
  void gap(WallTime at) { push(at, {}); }
  void push(WallTime at, std::vector<std::byte> payload) {
    ++sequence_;
    entries_.push_back({NodeId{node_}, BootId{static_cast<std::uint64_t>(boot_)}, sequence_,
                        sequence_, payload.empty() ? 7U : 0U, at, std::move(payload)});
  }

  std::uint32_t node_;
  Rng rng_;
  std::vector<JournalEntry> entries_;
  std::int64_t boot_ = 5000;
  std::uint64_t sequence_ = 0;
  std::uint64_t plan_ = 1;
  Duration length_ = std::chrono::seconds{10};
};

using Rows = std::vector<std::tuple<WallTime, Duration, std::vector<FlowWindow>, bool>>;

Rows expected(const std::vector<JournalEntry>& entries, NodeId node, NodeId target, WallTime from,
              WallTime to) {
  Rows rows;
  for (const auto& entry : entries) {
    if (entry.node != node || entry.is_gap()) continue;
    if (entry.window_start < from || to <= entry.window_start) continue;
    const auto report = wire::decode_report(entry.payload);
    REQUIRE(report);
    std::vector<FlowWindow> flows;
    std::ranges::copy_if(report->flows, std::back_inserter(flows),
                         [&](const FlowWindow& flow) { return flow.target == target; });
    if (!flows.empty()) rows.emplace_back(report->window_start, report->window, flows, true);
  }
  return rows;
}

TEST_CASE("of one node among many nothing is missed and nothing told twice", "[store][fresh]") {
  const std::uint64_t seed = GENERATE(range(1, 13));
  CAPTURE(seed);
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  std::vector<JournalEntry> entries;
  for (std::uint32_t node = 1; node <= kNodes; ++node) {
    std::ranges::move(Life(node, seed).run(), std::back_inserter(entries));
  }
  REQUIRE(store->journal().append(entries, {}));
  const WallTime from = window(static_cast<std::int64_t>(seed % 3));
  const WallTime to = window(150 + static_cast<std::int64_t>(seed));
  for (std::uint32_t node = 0; node <= kNodes + 1; ++node) {
    for (std::uint32_t target = 1; target <= 2 * kTargets; target += kTargets) {
      CAPTURE(node, target);
      Rows found;
      const auto summary = store->views().scan_pair(
          NodeId{node}, NodeId{target}, from, to, [&](const PairWindow& window) {
            found.emplace_back(window.start, window.window,
                               std::vector(window.flows.begin(), window.flows.end()),
                               window.rtt != nullptr);
            return true;
          });
      REQUIRE(summary);
      CHECK(summary->damaged == 0);
      auto wanted = expected(entries, NodeId{node}, NodeId{target}, from, to);
      const auto by_time = [](Rows& rows) {
        std::ranges::sort(rows, {}, [](const auto& row) {
          return std::tuple(std::get<0>(row), std::get<1>(row),
                            std::get<2>(row).front().source_port);
        });
      };
      CHECK(std::ranges::is_sorted(found, {}, [](const auto& row) { return std::get<0>(row); }));
      by_time(found);
      by_time(wanted);
      CHECK((found == wanted));
    }
  }
}

}  // namespace
}  // namespace faultline::store
