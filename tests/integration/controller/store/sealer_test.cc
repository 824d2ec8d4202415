// What was reported is what is answered, sealed or not, however it came.
#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "common/wire/report_codec.h"
#include "tests/integration/controller/store/store_fixture.h"
#include "tests/support/fleet_reports.h"

namespace faultline::store {
namespace {

constexpr std::uint32_t kNodes = 5;
constexpr WallTime kBegin = wall_time_from_unix_seconds(1'795'316'400);
constexpr Duration kWindow = std::chrono::seconds{60};

using ReportKey = std::pair<NodeId, WallTime>;
using Reports = std::map<ReportKey, Report>;

JournalEntry to_entry(NodeId node, std::uint64_t sequence, const Report& report) {
  return {.node = node,
          .boot = BootId{1000 + node.value()},
          .first_sequence = sequence,
          .sequence = sequence,
          .results_dropped = 0,
          .window_start = report.window_start,
          .payload = wire::encode(report)};
}

// An hour and a half of a small fleet, now and then a report missing.
std::vector<JournalEntry> make_entries(std::uint64_t seed, Reports& reports) {
  tests::FleetReports fleet{
      {.nodes = kNodes, .targets_per_node = 3, .flows_per_target = 2, .window = kWindow}, seed};
  Rng rng{seed};
  std::vector<JournalEntry> entries;
  for (std::uint64_t sequence = 1; sequence <= 90; ++sequence) {
    for (std::uint32_t node = 1; node <= kNodes; ++node) {
      auto report = fleet.make(node, kBegin + static_cast<std::int64_t>(sequence - 1) * kWindow);
      if (uniform(rng) < 0.1) continue;
      if (uniform(rng) < 0.1) report.flows.erase(report.flows.begin() + 3);
      entries.push_back(to_entry(NodeId{node}, sequence, report));
      reports.emplace(ReportKey{NodeId{node}, report.window_start}, std::move(report));
    }
  }
  return entries;
}

void seal_all(RocksStore& store, WallTime before) {
  for (;;) {
    const auto progress = store.journal().seal_slice(before);
    REQUIRE(progress);
    if (progress->done) return;
  }
}

Reports all_reports(RocksStore& store, WallTime from, WallTime to,
                    std::optional<NodeId> node = {}) {
  Reports found;
  const auto summary =
      store.views().scan_reports(from, to, node, [&](NodeId reporter, const Report& report) {
        CHECK(found.emplace(ReportKey{reporter, report.window_start}, report).second);
        return true;
      });
  REQUIRE(summary);
  CHECK(summary->damaged == 0);
  return found;
}

Reports of_interval(const Reports& reports, WallTime from, WallTime to,
                    std::optional<NodeId> node = {}) {
  Reports wanted;
  for (const auto& [key, report] : reports) {
    if (node && key.first != *node) continue;
    if (from <= key.second && key.second < to) wanted.emplace(key, report);
  }
  // As history.h says: by target and port.
  for (auto& [key, report] : wanted) {
    std::ranges::sort(report.flows, {}, [](const FlowWindow& flow) {
      return std::pair(flow.target, flow.source_port);
    });
    std::ranges::sort(report.delays, {}, &TargetDelay::target);
  }
  return wanted;
}

void check_equal(Reports found, const Reports& wanted) {
  found = of_interval(found, WallTime{}, WallTime::max());
  REQUIRE(found.size() == wanted.size());
  CHECK((found == wanted));
}

using Rollups = std::map<std::tuple<NodeId, NodeId, WallTime>, Rollup>;

Rollups naive_rollups(const Reports& reports, Duration step) {
  Rollups sums;
  for (const auto& [key, report] : reports) {
    const WallTime start = window_start(key.second, step);
    const auto at = [&, node = key.first](NodeId target) -> Rollup& {
      auto& rollup = sums[{node, target, start}];
      rollup.source = node;
      rollup.target = target;
      rollup.start = start;
      return rollup;
    };
    for (const auto& flow : report.flows) at(flow.target).add(flow);
    for (const auto& delay : report.delays) at(delay.target).rtt.merge(delay.rtt);
  }
  return sums;
}

void check_rollups(RocksStore& store, const Reports& reports, const RollupQuery& query) {
  Rollups found;
  const auto summary = store.views().scan_rollups(query, [&](const Rollup& rollup) {
    auto& sum = found[{rollup.source, rollup.target, rollup.start}];
    sum.source = rollup.source;
    sum.target = rollup.target;
    sum.start = rollup.start;
    sum.merge(rollup);
    return true;
  });
  REQUIRE(summary);
  Rollups wanted;
  for (auto& [key, rollup] : naive_rollups(reports, tier_of(query.resolution).step)) {
    const bool is_wanted = (!query.source || rollup.source == *query.source) &&
                           (!query.target || rollup.target == *query.target) &&
                           query.from <= rollup.start && rollup.start < query.to;
    if (is_wanted) wanted.emplace(key, rollup);
  }
  REQUIRE(found.size() == wanted.size());
  for (const auto& [key, sum] : wanted) {
    const auto& got = found.at(key);
    // Means are rounded where pieces meet; all else is exact.
    CHECK(std::max(got.rtt_mean_ns, sum.rtt_mean_ns) - std::min(got.rtt_mean_ns, sum.rtt_mean_ns) <=
          60);
    auto rounded = got;
    rounded.rtt_mean_ns = sum.rtt_mean_ns;
    CHECK((rounded == sum));
  }
}

// Of each pair, as far as scan_sums() promises.
using Sums =
    std::map<std::pair<NodeId, NodeId>, std::tuple<std::array<std::uint64_t, 5>, stats::Histogram>>;

void add_sum(Sums& sums, const Rollup& sum) {
  auto& [counts, rtt] = sums[{sum.source, sum.target}];
  const std::array more{sum.flow_windows, sum.sent, sum.lost_forward, sum.lost_return,
                        sum.lost_undetermined};
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += more[i];
  rtt.merge(sum.rtt);
}

void check_sums(RocksStore& store, const Reports& reports, WallTime from, WallTime to) {
  Sums found;
  REQUIRE(store.views().scan_sums(from, to, [&](const Rollup& sum) {
    CHECK((from <= sum.start && sum.start < to));
    add_sum(found, sum);
    return true;
  }));
  Sums wanted;
  for (const auto& [key, sum] : naive_rollups(of_interval(reports, from, to), kWindow)) {
    add_sum(wanted, sum);
  }
  CHECK((found == wanted));
}

void check_everything(RocksStore& store, const Reports& reports) {
  const WallTime end = kBegin + std::chrono::hours{3};
  check_equal(all_reports(store, kBegin, end), of_interval(reports, kBegin, end));
  const WallTime from = kBegin + 7 * kWindow;
  const WallTime to = kBegin + 67 * kWindow;
  check_equal(all_reports(store, from, to, NodeId{2}), of_interval(reports, from, to, NodeId{2}));
  check_rollups(store, reports, {.resolution = Resolution::kMinute, .from = kBegin, .to = end});
  check_rollups(store, reports, {.resolution = Resolution::kHour, .from = kBegin, .to = end});
  check_rollups(store, reports,
                {.resolution = Resolution::kMinute,
                 .from = kBegin + std::chrono::minutes{13},
                 .to = kBegin + std::chrono::minutes{61},
                 .source = NodeId{3},
                 .target = NodeId{4}});
  std::map<WallTime, std::vector<FlowWindow>> pair;
  const auto summary =
      store.views().scan_pair(NodeId{2}, NodeId{4}, from, to, [&](const PairWindow& window) {
        pair[window.start].assign(window.flows.begin(), window.flows.end());
        return true;
      });
  REQUIRE(summary);
  std::map<WallTime, std::vector<FlowWindow>> wanted;
  for (const auto& [key, report] : of_interval(reports, from, to, NodeId{2})) {
    for (const auto& flow : report.flows) {
      if (flow.target == NodeId{4}) wanted[key.second].push_back(flow);
    }
  }
  CHECK((pair == wanted));
  check_sums(store, reports, kBegin, end);
  check_sums(store, reports, from, to);
}

TEST_CASE("what was reported is what is answered: fresh, half sealed, sealed, compacted, late",
          "[store][seal]") {
  const std::uint64_t seed = GENERATE(1, 2, 3);
  CAPTURE(seed);
  Reports reports;
  auto entries = make_entries(seed, reports);
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  // One in twenty comes only after its block was sealed.
  Rng rng{seed + 100};
  const auto late = std::stable_partition(entries.begin(), entries.end(),
                                          [&](const auto&) { return uniform(rng) >= 0.05; });
  Reports in_time = reports;
  for (auto entry = late; entry != entries.end(); ++entry) {
    in_time.erase({entry->node, entry->window_start});
  }
  REQUIRE(store->journal().append({entries.begin(), late}, {}));
  check_everything(*store, in_time);
  REQUIRE(store->journal().seal_slice(kBegin + std::chrono::minutes{40}));
  check_everything(*store, in_time);
  seal_all(*store, kBegin + std::chrono::minutes{65});
  check_everything(*store, in_time);
  CHECK(all_entries(*store).front().window_start >= kBegin + std::chrono::minutes{60});

  REQUIRE(store->journal().append({late, entries.end()}, {}));
  check_everything(*store, reports);
  seal_all(*store, kBegin + std::chrono::hours{3});
  check_everything(*store, reports);
  // A boot that dedup forgot sends all of it again.
  REQUIRE(store->journal().append(entries, {}));
  seal_all(*store, kBegin + std::chrono::hours{3});
  CHECK(all_entries(*store).empty());
  check_everything(*store, reports);
  REQUIRE(store->compact());
  check_everything(*store, reports);
  store.reset();
  check_everything(*open_store(directory.path()), reports);
}

TEST_CASE("each tier forgets by whole buckets, by age and by size", "[store][seal]") {
  Reports reports;
  const auto entries = make_entries(7, reports);
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  REQUIRE(store->journal().append(entries, {}));
  const WallTime end = kBegin + std::chrono::minutes{90};
  seal_all(*store, end);
  REQUIRE(store->compact());
  const auto oldest = [&](std::string_view name) {
    for (const auto& tier : store->tiers()) {
      if (tier.name == name) return tier.oldest;
    }
    FAIL("no tier " << name);
    return std::optional<WallTime>();
  };
  REQUIRE(store->journal().retain(end, {.raw = std::chrono::minutes{50}}));
  CHECK(oldest("blocks") == kBegin + std::chrono::minutes{40});
  CHECK(oldest("minutes") == kBegin);
  check_rollups(*store, reports, {.resolution = Resolution::kMinute, .from = kBegin, .to = end});
  REQUIRE(store->journal().retain(end, {.raw = std::chrono::hours{9}, .bytes_max = 1'000}));
  CHECK(oldest("blocks") == std::nullopt);
  CHECK(oldest("minutes") == kBegin + std::chrono::hours{1});  // the one at hand stays
}

TEST_CASE("one window of 1970 does not hold up retention", "[store][seal]") {
  using Days = std::chrono::duration<std::int64_t, std::ratio<86'400>>;
  tests::FleetReports fleet{{.nodes = 2, .targets_per_node = 1, .flows_per_target = 1}, 9};
  std::vector<JournalEntry> entries{to_entry(NodeId{2}, 1, fleet.make(2, WallTime{}))};
  for (const Days day : {Days{0}, Days{1}, Days{9}}) {
    entries.push_back(to_entry(NodeId{1}, entries.size() + 1, fleet.make(1, kBegin + day)));
  }
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  REQUIRE(store->journal().append(entries, {}));
  const Retention retention{.raw = Days{7}};
  CHECK(store->journal().retain(kBegin + Days{10}, retention).value() == kBegin + Days{1});
  CHECK(store->journal().retain(kBegin + Days{10}, retention).value() == kBegin + Days{2});
  CHECK(all_reports(*store, WallTime{}, kBegin + Days{50}).size() == 1);
}

// A clock that was years ahead when the machine booted dropped all of the history.
TEST_CASE("a clock that is far ahead costs one step a call, not the history", "[store][seal]") {
  using Days = std::chrono::duration<std::int64_t, std::ratio<86'400>>;
  const bool sealed = GENERATE(false, true);
  CAPTURE(sealed);
  tests::FleetReports fleet{{.nodes = 2, .targets_per_node = 1, .flows_per_target = 1}, 9};
  std::vector<JournalEntry> entries;
  for (const Days day : {Days{0}, Days{3}, Days{9}, Days{40}}) {
    entries.push_back(to_entry(NodeId{1}, entries.size() + 1, fleet.make(1, kBegin + day)));
  }
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  REQUIRE(store->journal().append(entries, {}));
  if (sealed) seal_all(*store, kBegin + Days{50});
  REQUIRE(store->compact());  // tiers() asks files
  const auto raw_left = [&] { return all_reports(*store, WallTime{}, kBegin + Days{50}).size(); };
  const auto hours_left = [&] {
    for (const auto& tier : store->tiers()) {
      if (tier.name == "hours") return tier.oldest;
    }
    return std::optional<WallTime>();
  };
  const Retention retention{.raw = Days{7}, .minutes = Days{7}, .hours = Days{7}};
  const WallTime wrong = kBegin + Days{3 * 365};
  CHECK(store->journal().retain(wrong, retention).value() == kBegin + Days{1});
  CHECK(raw_left() == 3);
  if (sealed) CHECK(hours_left() > kBegin + Days{30});  // of a coarse tier a step is longer
  CHECK(store->journal().retain(wrong, retention).value() == kBegin + Days{4});
  CHECK(raw_left() == 2);
  // An age that is less than a step away counts as ever, and a budget acts at once.
  CHECK(store->journal().retain(kBegin + Days{16}, retention).value() == kBegin + Days{9});
  CHECK(raw_left() == 2);
  if (!sealed) return;
  REQUIRE(store->journal().retain(wrong, {.raw = Days{3 * 365}, .bytes_max = 1'000}));
  CHECK(raw_left() == 0);
}

TEST_CASE("damaged blocks cost what is in them, and are told by key", "[store][seal]") {
  Reports reports;
  const auto entries = make_entries(8, reports);
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  REQUIRE(store->journal().append(entries, {}));
  seal_all(*store, kBegin + std::chrono::hours{2});
  REQUIRE(store->compact());
  store.reset();
  for (const auto& file : std::filesystem::directory_iterator{directory.path()}) {
    if (file.path().extension() == ".sst" && file.file_size() > 10'000) {
      flip_byte(file.path(), 0.4);
    }
  }
  store = open_store(directory.path());
  std::size_t found = 0;
  const auto summary = store->views().scan_reports(
      kBegin, WallTime::max(), {}, [&](NodeId, const Report&) { return ++found > 0; });
  REQUIRE(summary);
  CHECK(summary->damaged > 0);
  CHECK(summary->damaged_places.size() > 0);
  // What lies in the block, and what the cursor hops over to get past it: there are few blocks
  // here.
  CHECK(found > reports.size() / 4);
  const auto checked = store->check([](const std::string&) { return Status(); });
  REQUIRE(checked);
  CHECK(std::ranges::any_of(*checked, [](const CheckedTier& tier) {
    return tier.name == "blocks" && tier.summary.damaged > 0 &&
           tier.summary.damaged_places.front().starts_with("behind key ");
  }));
}

}  // namespace
}  // namespace faultline::store
