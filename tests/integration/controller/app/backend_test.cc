// What the API is answered from: the published snapshot and a real store, without a process.
#include "controller/app/backend.h"

#include <thread>

#include <nlohmann/json.hpp>

#include "common/async/clock.h"
#include "common/wire/report_codec.h"
#include "controller/app/records.h"
#include "controller/topology/graph.h"
#include "tests/integration/controller/app/controller_process.h"
#include "tests/support/catch.h"

namespace faultline::app {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const WallTime kStart = wall_time_from_unix_seconds(1'795'316'400);  // 2026-11-22T03:00:00Z
constexpr Duration kWindow = seconds{10};
constexpr NodeId kHere{1};
constexpr NodeId kThere{2};

PathRecord path_of(Direction direction) {
  return {.target = kThere,
          .source_port = 42000,
          .direction = direction,
          .traced_at = kStart,
          .complete = true,
          .hops = {Hop{IpAddress::v4(0x0a000101)}}};
}

std::string resolved_incident(std::string id, WallTime at) {
  incident::Incident incident;
  incident.id = id;
  incident.state = incident::State::kResolved;
  incident.suspect = {.kind = "link", .id = "a>b", .from = "a", .to = "b"};
  incident.suspect.fault_class = "loss";
  incident.components = {component_of(incident.suspect)};
  incident.since = incident.updated_at = incident.last_present = at;
  incident.opened_at = incident.resolved_at = at;
  incident.resolution = "healed";
  return to_json(incident);
}

// A store with one session's windows, and the snapshot of a fleet of two nodes.
class Bench {
 public:
  Bench() {
    auto opened = store::RocksStore::open(folder.path() / "store");
    REQUIRE(opened);
    store = std::move(*opened);
    auto topology = std::make_shared<topology::Topology>();
    topology->set_node(kHere, "h1", NodeKind::kHost, IpAddress::v4(0x0a000001));
    topology->set_node(kThere, "h2", NodeKind::kHost, IpAddress::v4(0x0a000002));
    topology->settle();
    Snapshot snapshot;
    snapshot.window = kWindow;
    for (const auto& [id, name] : {std::pair{kHere, "h1"}, {kThere, "h2"}}) {
      auto& node = snapshot.nodes.emplace_back();
      node.id = id.value();
      node.name = name;
    }
    snapshot.topology = std::move(topology);
    snapshot.paths = std::make_shared<const topology::PathBook>();
    snapshots.publish(std::move(snapshot));
  }

  // `lossy_from`: the first window in which half of the packets get no answer.
  void store_windows(std::uint64_t count, std::uint64_t lossy_from = ~std::uint64_t{0}) {
    std::vector<store::JournalEntry> entries;
    for (std::uint64_t i = 0; i < count; ++i) {
      Report report{.window_start = kStart + kWindow * static_cast<std::int64_t>(i)};
      report.flows.push_back({.target = kThere,
                              .source_port = 42000,
                              .sent = 10,
                              .lost_undetermined = i >= lossy_from ? 5U : 0U,
                              .rtt_min_ns = 1,
                              .rtt_mean_ns = 1,
                              .rtt_max_ns = 1});
      entries.push_back({.node = kHere,
                         .boot = BootId{1},
                         .first_sequence = i,
                         .sequence = i,
                         .window_start = report.window_start,
                         .payload = wire::encode(report)});
    }
    const std::vector<store::StoredPath> paths{{kHere, path_of(Direction::kForward)},
                                               {kHere, path_of(Direction::kReturn)}};
    REQUIRE(store->journal().append(entries, {}, paths));
  }
  void store_incident(const std::string& id, const std::string& record) {
    REQUIRE(store->ledger().commit(
        std::vector<store::LedgerWrite>{{store::Table::kIncidents, id, record, 0}}));
  }
  [[nodiscard]] Queries queries(Queries::Options options) const {
    return Queries(store->views(), stopping, options);
  }
  // Its changes are never done.
  [[nodiscard]] AppBackend backend(std::vector<std::string> advertise) {
    return AppBackend(
        {.version = "0.1.0", .advertise = std::move(advertise), .data_dir = folder.path()}, *store,
        snapshots, [this](auto) { return change.get_future(); },
        [this](const std::vector<store::LedgerWrite>& writes) {
          std::promise<Status> done;
          done.set_value(store->ledger().commit(writes));
          return done.get_future();
        },
        [](const std::string&, notify::AlertEvent) {
          return std::promise<AppBackend::TestOutcome>().get_future();
        },
        [](const Snapshot&) { return std::string(); });
  }

  const tests::Folder folder;
  std::unique_ptr<store::RocksStore> store;
  async::Published<Snapshot> snapshots;
  std::atomic<bool> stopping = false;
  std::promise<Status> change;
};

TEST_CASE("an interval that holds too much is refused, and the answer says how much would fit",
          "[queries]") {
  Bench bench;
  bench.store_windows(60);
  // A window is one observation of each direction, and a third row with its delay.
  const auto queries = bench.queries({.observations_max = 90});
  const auto& snapshot = *bench.snapshots.snapshot();
  const auto all = queries.localize(snapshot, kStart, kStart + minutes{10});
  REQUIRE_FALSE(all);
  CHECK(all.error().code == ErrorCode::kLimit);
  CHECK_THAT(all.error().context, Catch::Contains("at most about 5m with this fleet"));
  const auto half = queries.localize(snapshot, kStart, kStart + minutes{5});
  REQUIRE(half);
  CHECK(half->verdict.observations == 60);
  CHECK(half->judged_until == kStart + minutes{5});
}

TEST_CASE("the topology of the past is what the paths of that time teach", "[queries]") {
  Bench bench;
  bench.store_windows(1);
  const auto queries = bench.queries({});
  const auto& now = *bench.snapshots.snapshot();
  const auto links = [](const Snapshot& snapshot) {
    return topology::make_graph(*snapshot.topology, *snapshot.paths).links.size();
  };
  CHECK(links(now) == 0);
  const auto past = queries.as_of(now, kStart + minutes{1});
  REQUIRE(past);
  CHECK(past->paths->size() == 2);
  CHECK(links(*past) > 0);
  const auto before = queries.as_of(now, kStart - std::chrono::hours{72});
  REQUIRE_FALSE(before);
  CHECK(before.error().code == ErrorCode::kNotFound);
}

TEST_CASE("a diagnosis of a time of which nothing is stored is refused, as localize refuses it",
          "[backend]") {
  Bench bench;
  const auto backend = bench.backend({});
  const auto refused = [&](WallTime at, ErrorCode code, const std::string& why) {
    const auto diagnosed = backend.diagnose({.a = "h1", .b = "h2", .at = at});
    const auto localized = backend.localize({.at = at, .since = {}});
    REQUIRE_FALSE(diagnosed);
    REQUIRE_FALSE(localized);
    CHECK(diagnosed.error().code == code);
    CHECK(diagnosed.error().context == localized.error().context);
    CHECK_THAT(diagnosed.error().context, Catch::Contains(why));
  };
  refused(kStart, ErrorCode::kNotFound, "no window was stored yet");
  bench.store_windows(6);
  refused(kStart, ErrorCode::kNotFound, "raw windows begin at 2026-11-22T03:00:00Z");
  refused(kStart - std::chrono::hours{2000}, ErrorCode::kNotFound, "nothing is stored of");
  refused(async::now_wall() + minutes{1}, ErrorCode::kInvalid, "lies in the future");
  const auto answer = backend.diagnose({.a = "h1", .b = "h2", .at = kStart + minutes{1}});
  REQUIRE(answer);
  CHECK_THAT(answer->document, Catch::Contains("faultline.diagnosis/1"));
}

// The windows of an orderly restart were told as a fault until a minute after it.
TEST_CASE("what was lost while a probe was away is no symptom of a diagnosis", "[backend]") {
  Bench bench;
  bench.store_windows(6, 4);
  const auto symptoms = [&] {
    const auto answer =
        bench.backend({}).diagnose({.a = "h1", .b = "h2", .at = kStart + minutes{1}});
    REQUIRE(answer);
    return nlohmann::json::parse(answer->document)["symptoms"];
  };
  CHECK(symptoms() == nlohmann::json{"lossy"});
  for (const auto node : {kHere, kThere}) {
    auto snapshot = *bench.snapshots.snapshot();
    snapshot.restart_excused_max = minutes{5};
    snapshot.absences = {{node, {{.from = kStart + seconds{45}, .until = kStart + seconds{58}}}}};
    bench.snapshots.publish(std::move(snapshot));
    CHECK(symptoms().empty());
  }
}

TEST_CASE("a read breaks off when the process stops", "[queries]") {
  Bench bench;
  bench.store_windows(1);
  bench.stopping = true;
  const auto answer =
      bench.queries({}).localize(*bench.snapshots.snapshot(), kStart, kStart + kWindow);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == ErrorCode::kUnavailable);
}

TEST_CASE("a change that waits for a hanging disk does not keep the process from stopping",
          "[backend]") {
  Bench bench;
  auto backend = bench.backend({"tcp://192.0.2.10:7400"});
  std::thread stopper([&] { backend.stop(); });
  const auto token = backend.create_token({});
  stopper.join();
  REQUIRE_FALSE(token);
  CHECK_THAT(token.error().context, Catch::Contains("stopping"));
}

TEST_CASE("no token is made that leads nowhere", "[backend]") {
  Bench bench;
  const auto token = bench.backend({}).create_token({});
  REQUIRE_FALSE(token);
  CHECK(token.error().code == ErrorCode::kConflict);
  CHECK_THAT(token.error().context, Catch::Contains("set advertise in controller.yaml"));
}

TEST_CASE("an incident that cannot be read hides no other and prevents no start", "[backend]") {
  Bench bench;
  bench.store_incident("i-1", resolved_incident("i-1", kStart));
  bench.store_incident("i-2", "{\"version\":99}");
  const auto listed = bench.backend({}).incidents(api::IncidentFilter::kAll, {});
  REQUIRE(listed);
  REQUIRE(listed->size() == 1);
  CHECK(listed->front().id == "i-1");

  DocumentVersions versions;
  const auto restored = load_all(*bench.store, kStart, {minutes{1}, minutes{30}}, versions);
  REQUIRE(restored);
  CHECK(restored->incidents.size() == 1);
}

TEST_CASE("incidents resolved before the retention's horizon are erased, others are not",
          "[records]") {
  Bench bench;
  bench.store_incident("i-1", resolved_incident("i-1", kStart - seconds{1}));
  bench.store_incident("i-2", resolved_incident("i-2", kStart));
  DocumentVersions versions;
  REQUIRE(load_all(*bench.store, kStart, {minutes{1}, minutes{30}}, versions));
  for (int i = 0; i < 2; ++i) {
    REQUIRE(drop_incidents_before(bench.store->ledger(), kStart, versions));
    const auto left = list_incidents(bench.store->ledger());
    REQUIRE(left);
    REQUIRE(left->size() == 1);
    CHECK(left->front().id == "i-2");
  }
}

}  // namespace
}  // namespace faultline::app
