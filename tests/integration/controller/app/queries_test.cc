// Queries on a real store: a matrix of any grouping, and exports across what is sealed and what is
// not.
#include "controller/app/queries.h"

#include <atomic>

#include "common/wire/report_codec.h"
#include "controller/store/rocks_store.h"
#include "tests/integration/controller/store/store_fixture.h"

namespace faultline::app {
namespace {

constexpr Duration kMinute = std::chrono::minutes{1};
constexpr std::int64_t kWindows = 100;  // of a minute each
constexpr WallTime kBegin = wall_time_from_unix_seconds(1'795'305'600);
constexpr WallTime kEnd = kBegin + kWindows * kMinute;

api::ExportRequest asked(Duration since, const std::string& src = {}, const std::string& dst = {},
                         api::ExportRows rows = api::ExportRows::kWindows,
                         api::ExportFormat format = api::ExportFormat::kCsv) {
  api::ExportRequest request;
  request.rows = rows;
  request.format = format;
  request.src = src;
  request.dst = dst;
  request.at = kEnd;
  request.since = since;
  return request;
}

// Node n of 3 measures the others by one flow each; of what it sends to node 3 one packet is lost.
Report report_of(std::uint32_t node, WallTime start) {
  Report report{.plan = PlanRevision{1}, .window_start = start, .window = kMinute};
  for (std::uint32_t target = 1; target <= 3; ++target) {
    if (target == node) continue;
    report.flows.push_back({.target = NodeId{target},
                            .source_port = 50'000,
                            .sent = 10,
                            .lost_forward = target == 3 ? 1U : 0U,
                            .rtt_min_ns = 1'000,
                            .rtt_mean_ns = 2'000,
                            .rtt_max_ns = 3'000});
    stats::Histogram rtt;
    rtt.add(2'000, report.flows.back().answered());
    report.delays.push_back({NodeId{target}, rtt});
  }
  return report;
}

class Fixture {
 public:
  Fixture() {
    for (std::int64_t window = 0; window < kWindows; ++window) {
      for (std::uint32_t node = 1; node <= 3; ++node) append(node, window);
    }
    while (!store_->journal().seal_slice(kBegin + 80 * kMinute)->done) {
    }
    for (std::uint32_t node = 1; node <= 3; ++node) {
      auto& view = snapshot_.nodes.emplace_back();
      view.id = node;
      view.name = "h" + std::to_string(node);
      if (node < 3) view.labels = {{"zone", "east"}};
      snapshot_.names[NodeId{node}] = view.name;
    }
    snapshot_.window = kMinute;
  }

  [[nodiscard]] api::MatrixView matrix(const std::string& by, Duration since) const {
    auto view = queries_.matrix(snapshot_, {.by = by, .at = kEnd, .since = since});
    REQUIRE(view);
    return *view;
  }
  [[nodiscard]] std::vector<std::string> lines(const api::ExportRequest& request,
                                               std::size_t* largest = nullptr) const {
    std::string text;
    REQUIRE(
        queries_.export_results(snapshot_, {kEnd, kBegin}, request, [&](std::string_view piece) {
          if (largest != nullptr) *largest = std::max(*largest, piece.size());
          text += piece;
          return Status();
        }));
    std::vector<std::string> lines;
    for (std::size_t from = 0; from < text.size();) {
      const auto end = text.find('\n', from);
      lines.push_back(text.substr(from, end - from));
      from = end + 1;
    }
    return lines;
  }
  [[nodiscard]] const Queries& queries() const { return queries_; }
  [[nodiscard]] const Snapshot& snapshot() const { return snapshot_; }

 private:
  void append(std::uint32_t node, std::int64_t window) {
    const WallTime start = kBegin + window * kMinute;
    const auto sequence = static_cast<std::uint64_t>(window + 1);
    REQUIRE(store_->journal().append(
        std::vector{store::JournalEntry{.node = NodeId{node},
                                        .boot = BootId{node},
                                        .first_sequence = sequence,
                                        .sequence = sequence,
                                        .results_dropped = 0,
                                        .window_start = start,
                                        .payload = wire::encode(report_of(node, start))}},
        {}));
  }

  store::TemporaryDirectory directory_;
  std::unique_ptr<store::RocksStore> store_ = store::open_store(directory_.path());
  std::atomic<bool> stopping_{false};
  Queries queries_{store_->views(), stopping_, {}};
  Snapshot snapshot_;
};

TEST_CASE("a matrix is made by any label, of windows and of sums alike", "[queries]") {
  const Fixture fixture;
  for (const Duration since : {Duration{kWindows * kMinute}, Duration{std::chrono::hours{48}}}) {
    CAPTURE(format_duration(since));
    const auto view = fixture.matrix("zone", since);
    CHECK(view.by == "zone");
    REQUIRE(view.groups == std::vector<std::string>{"(no zone)", "east"});
    const auto* between = view.cell(1, 1);
    REQUIRE(between);
    CHECK(between->flows == 2 * kWindows);
    CHECK(between->lost == 0);
    const auto* out = view.cell(1, 0);  // east to the node without a zone
    REQUIRE(out);
    CHECK(out->lost == 2 * kWindows);
    CHECK(out->rtt_p50_us == between->rtt_p50_us);
    CHECK_FALSE(view.cell(0, 0));  // it does not measure itself
  }
  CHECK(fixture.matrix("node", kMinute).groups == std::vector<std::string>{"h1", "h2", "h3"});
}

TEST_CASE("an export has every window of every flow once, sealed or not", "[queries]") {
  const Fixture fixture;
  const auto all = fixture.lines(asked(2 * kWindows * kMinute));
  REQUIRE(all.size() == 1 + 6 * kWindows);
  CHECK(all[0].starts_with("window_start,window_s,source,target,"));
  CHECK(all[1] == "2026-11-22T00:00:00Z,60,h1,h2,50000,0,0,10,0,0,0,0,0,0,1,2,3");
  const auto pair = fixture.lines(
      asked(30 * kMinute, "h2", "h3", api::ExportRows::kWindows, api::ExportFormat::kJsonLines));
  REQUIRE(pair.size() == 30);
  CHECK(pair.back().find(R"("window_start":"2026-11-22T01:39:00Z","window_s":60,"source":"h2",)"
                         R"("target":"h3")") == 1);
  CHECK(fixture.lines(asked(10 * kMinute, "h1")).size() == 1 + 20);
}

TEST_CASE("sums are exported once a step, where it was sealed in part, too", "[queries]") {
  const Fixture fixture;
  const auto hours = fixture.lines(asked(kWindows * kMinute, "h1", "h3", api::ExportRows::kHours));
  REQUIRE(hours.size() == 1 + 2);
  CHECK(hours[1].starts_with("2026-11-22T00:00:00Z,3600,h1,h3,60,600,60,0,0,1,2,"));
  CHECK(hours[2].starts_with("2026-11-22T01:00:00Z,3600,h1,h3,40,400,40,0,0,1,2,"));
  CHECK(fixture.lines(asked(kWindows * kMinute, {}, {}, api::ExportRows::kMinutes)).size() ==
        1 + 6 * kWindows);
}

TEST_CASE("an export goes out in pieces, and ends when its reader has gone", "[queries]") {
  const Fixture fixture;
  std::size_t largest = 0;
  const auto lines = fixture.lines(
      asked(kWindows * kMinute, {}, {}, api::ExportRows::kWindows, api::ExportFormat::kJsonLines),
      &largest);
  CHECK(lines.size() == 6 * kWindows);
  CHECK(largest < 80'000);
  std::size_t pieces = 0;
  const auto ended = fixture.queries().export_results(
      fixture.snapshot(), {kEnd, kBegin},
      asked(kWindows * kMinute, {}, {}, api::ExportRows::kWindows, api::ExportFormat::kJsonLines),
      [&](std::string_view) -> Status {
        ++pieces;
        return fail(ErrorCode::kUnavailable, "the reader has gone");
      });
  REQUIRE_FALSE(ended);
  CHECK(pieces == 1);
  CHECK(ended.error().context == "the reader has gone");
}

TEST_CASE("an export of an unknown node is refused", "[queries]") {
  const Fixture fixture;
  const auto refused =
      fixture.queries().export_results(fixture.snapshot(), {kEnd, kBegin}, asked(kMinute, "h9"),
                                       [](std::string_view) { return Status(); });
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kNotFound);
}

TEST_CASE("an export begins where the store does, and of nothing there is none", "[queries]") {
  const Fixture fixture;
  std::string text;
  const auto take = [&](std::string_view piece) {
    text += piece;
    return Status();
  };
  const StoredTimes stored{kEnd, kBegin + 98 * kMinute};
  REQUIRE(fixture.queries().export_results(fixture.snapshot(), stored,
                                           asked(std::chrono::hours{24 * 1000}, "h1"), take));
  CHECK(std::ranges::count(text, '\n') == 1 + 4);
  auto early = asked(kMinute);
  early.at = kBegin + 50 * kMinute;
  const auto before = fixture.queries().export_results(fixture.snapshot(), stored, early, take);
  REQUIRE_FALSE(before);
  CHECK(before.error().code == ErrorCode::kNotFound);
}

TEST_CASE("a matrix by a label that nobody has is refused, and removed nodes are left out",
          "[queries]") {
  Fixture fixture;
  const auto refused = fixture.queries().matrix(fixture.snapshot(), {.by = "zome", .at = kEnd});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().context == "no node has the label zome");
  auto smaller = fixture.snapshot();
  smaller.nodes.pop_back();  // h3, the one without a zone
  const auto view = fixture.queries().matrix(smaller, {.by = "zone", .at = kEnd});
  REQUIRE(view);
  CHECK(view->groups == std::vector<std::string>{"east"});
  CHECK(view->cells.at(0).flows == 2);
}

TEST_CASE("a pair's history sums to the same in windows, minutes and hours", "[queries]") {
  const Fixture fixture;
  for (const Duration step : {Duration{kMinute}, Duration{5 * kMinute}, Duration{60 * kMinute}}) {
    CAPTURE(format_duration(step));
    const auto view =
        fixture.queries().history(fixture.snapshot(), NodeId{1}, NodeId{3}, kEnd,
                                  {.since = kWindows * kMinute, .at = kEnd, .step = step});
    REQUIRE(view);
    CHECK(view->window == step);
    CHECK(view->rows.size() ==
          static_cast<std::size_t>((kWindows * kMinute + step - kMinute) / step));
    std::uint64_t sent = 0;
    std::uint64_t lost = 0;
    for (const auto& row : view->rows) {
      sent += row.measured.sent;
      lost += row.measured.lost_forward;
      CHECK(row.measured.rtt_mean_us == 2.0);
    }
    CHECK(sent == 10 * kWindows);
    CHECK(lost == kWindows);
  }
}

TEST_CASE("service levels by class, of minutes and of hours, sealed or not", "[queries]") {
  Fixture fixture;
  auto snapshot = fixture.snapshot();
  snapshot.nodes[0].kind = NodeKind::kVm;
  snapshot.nodes[2].labels = {{"zone", "west"}};
  for (const Duration step : {Duration{kMinute}, Duration{60 * kMinute}}) {
    CAPTURE(format_duration(step));
    const auto view = fixture.queries().slo(
        snapshot, kEnd,
        {.by = api::SloGrouping::kClass, .since = kWindows * kMinute, .at = kEnd, .step = step});
    REQUIRE(view);
    CHECK(view->step == step);
    REQUIRE(view->rows.size() == 2);
    CHECK(view->rows[0].group == "host-vm");  // h1 and h2
    CHECK(view->rows[0].sent == 2 * 10 * kWindows);
    CHECK(view->rows[0].pair_minutes_bad == 0);
    CHECK(view->rows[0].rtt_p99_us.value() == Approx(2).epsilon(0.13));
    CHECK(view->rows[1].group == "wan");  // to and from h3; a tenth is lost on the way to it
    CHECK(view->rows[1].lost == 2 * kWindows);
    CHECK(view->rows[1].availability == 0.5);
  }
  const auto month = fixture.queries().slo(
      snapshot, kEnd,
      {.by = api::SloGrouping::kClass, .since = std::chrono::hours{24 * 30}, .at = kEnd});
  REQUIRE(month);
  CHECK(month->step == std::chrono::hours{1});
  CHECK(month->all.sent == 6 * 10 * kWindows);
}

}  // namespace
}  // namespace faultline::app
