#include "controller/localize/stream.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "common/base/random.h"
#include "controller/localize/localizer.h"
#include "tests/support/catch.h"

namespace faultline::localize {
namespace {

constexpr std::int64_t kStart = 1'700'000'100;

// Eight hosts on two leaves and three spines; one spine link loses 5 % from some window on.
class Fabric {
 public:
  explicit Fabric(std::uint64_t seed) : rng_(seed) {
    for (int src = 0; src < 8; ++src) {
      for (int dst = 0; dst < 8; ++dst) {
        for (int spine = 0; src % 2 != dst % 2 && spine < 3; ++spine) add_flow(src, dst, spine);
      }
    }
  }

  std::vector<Observation> window(std::int64_t end_s, bool is_broken) {
    std::vector<Observation> rows;
    for (const Observation& flow : flows_) {
      if (uniform_below(rng_, 10) == 0) continue;  // this one reports nothing
      Observation row = flow;
      row.time_s = end_s;
      row.sent = 20 + uniform_below(rng_, 10);
      const bool is_lossy = is_broken && set.at(set.at(row.forward).front().path)[1] == bad_;
      for (std::uint64_t i = 0; i < row.sent; ++i) {
        row.lost += uniform_below(rng_, 100'000) < (is_lossy ? 5'000U : 5U);
      }
      rows.push_back(row);
    }
    return rows;
  }

  ObservationSet set;

 private:
  void add_flow(int src, int dst, int spine) {
    const auto device = [&](const char* name, int i, DeviceKind kind) {
      return set.device(name + std::to_string(i), kind);
    };
    const std::vector<DeviceIndex> hops{
        device("host", src, DeviceKind::kHost), device("leaf", src % 2, DeviceKind::kSwitch),
        device("spine", spine, DeviceKind::kSwitch), device("leaf", dst % 2, DeviceKind::kSwitch),
        device("host", dst, DeviceKind::kHost)};
    if (flows_.empty()) bad_ = set.link(hops[1], hops[2]);
    flows_.push_back({.src = hops.front(),
                      .dst = hops.back(),
                      .forward = set.route(set.path(hops)),
                      .flow = set.flow(std::to_string(flows_.size()))});
  }

  Rng rng_;
  LinkIndex bad_;
  std::vector<Observation> flows_;
};

using Sums = std::map<std::tuple<FlowIndex, std::int64_t>, std::pair<std::uint64_t, std::uint64_t>>;

Sums sums(const std::vector<Observation>& rows, std::int64_t after_s, std::int64_t block_s) {
  Sums result;
  for (const Observation& row : rows) {
    if (row.time_s <= after_s) continue;
    const std::int64_t block = (row.time_s - 1) / block_s;
    auto& [sent, lost] = result[{row.flow, block}];
    sent += row.sent;
    lost += row.lost;
  }
  return result;
}

TEST_CASE("a stream's horizons hold what a sum over all windows holds", "[stream][property]") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Fabric fabric(seed);
    Stream stream({});
    std::vector<Observation> all;
    for (int i = 0; i < 250; ++i) {
      const std::int64_t end_s = kStart + 10 * i;
      const auto rows = fabric.window(end_s, i > 200);
      all.insert(all.end(), rows.begin(), rows.end());
      const std::span<const Observation> parts(rows);
      stream.add_window(end_s, parts.first(rows.size() / 2));
      stream.add_window(end_s, parts.subspan(rows.size() / 2));
      if (i % 50 != 49) continue;
      std::int64_t block_s = 10;
      for (const Horizon horizon : kHorizons) {
        const std::int64_t after_s = stream.begins_after_s(horizon);
        CHECK(sums(stream.rows(horizon), after_s, block_s) == sums(all, after_s, block_s));
        block_s *= horizon == Horizon::kMinute ? 6 : 5;
      }
    }
  }
}

TEST_CASE("the minute of a stream is judged like the same windows in one batch",
          "[stream][property]") {
  std::size_t named = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Fabric fabric(seed);
    Stream stream({});
    ObservationSet batch = fabric.set;
    for (int i = 0; i < 20; ++i) {
      const std::int64_t end_s = kStart + 10 * i;
      const auto rows = fabric.window(end_s, i > 12);
      for (const Observation& row : rows) REQUIRE(batch.add(row));
      stream.add_window(end_s, rows);
    }
    fabric.set.set_observations(stream.rows(Horizon::kMinute));
    const std::int64_t after_s = stream.begins_after_s(Horizon::kMinute);
    const Verdict verdict = localize(fabric.set, {});
    CHECK(verdict == localize(batch, {.after_s = after_s}));
    named += verdict.suspects.size();
  }
  CHECK(named >= 10);
}

TEST_CASE("flows that fell silent make room for others", "[stream][property]") {
  Fabric fabric(1);
  Stream stream({.flows_max = 150});
  const auto rows = fabric.window(kStart, false);
  stream.add_window(kStart, rows);
  const std::size_t before = stream.flow_count();
  CHECK(before == rows.size());
  std::vector<Observation> other(rows.begin(), rows.begin() + 50);
  for (Observation& row : other) row.size = 1400;
  for (std::int64_t i = 1; i <= 400; ++i) stream.add_window(kStart + 10 * i, other);
  CHECK(stream.flow_count() == other.size());
  CHECK(stream.refused_rows() < 50 * 250);
}

}  // namespace
}  // namespace faultline::localize
