// Kill -9 at any moment: what was acknowledged is in the store, once; what was not comes again from
// the spools; nobody joins anew.
#include <signal.h>

#include <algorithm>
#include <vector>

#include "common/async/clock.h"
#include "common/base/random.h"
#include "common/wire/report_codec.h"
#include "controller/incident/incident.h"
#include "tests/integration/controller/app/spool.h"

namespace faultline::tests {
namespace {

constexpr int kKills = 5;
constexpr int kNodes = 5;
constexpr std::uint64_t kBatchesPerRound = 8;

incident::Incident open_incident(WallTime at) {
  incident::Incident incident{.id = "i-before", .state = incident::State::kOpen};
  incident.suspect = {.kind = "link",
                      .id = "leaf1>spine1",
                      .from = "leaf1",
                      .to = "spine1",
                      .fault_class = "loss",
                      .posterior = 0.99,
                      .loss = 0.01,
                      .loss_low = 0.005,
                      .loss_high = 0.02};
  incident.components = {incident::component_of(incident.suspect)};
  incident.since = at;
  incident.opened_at = at;
  incident.updated_at = at;
  incident.last_present = at;
  incident.revision = 1;
  return incident;
}

TEST_CASE("killed at random moments, the controller loses nothing and counts nothing twice",
          "[controller][crash]") {
  const auto seed = GENERATE(1U, 2U);
  CAPTURE(seed);
  Rng rng{seed};
  Stage stage(seed == 1 ? "" : "ingest_threads: 3\n");
  const auto start = async::now_wall();
  const auto base = window_start(start, kWindow) - std::chrono::minutes{10};
  const auto incident = open_incident(start);
  REQUIRE(open_store(stage)->ledger().commit(std::vector<store::LedgerWrite>{
      {store::Table::kIncidents, incident.id, incident::to_json(incident), 0}}));

  stage.start();
  SpoolFleet fleet(stage, base, kNodes);
  for (int kill = 0; kill < kKills; ++kill) {
    fleet.measure(kBatchesPerRound);
    fleet.send_until(uniform_below(rng, fleet.waiting() + 1));
    CHECK(stage.end(SIGKILL).status == -SIGKILL);
    stage.start();
    fleet.reconnect();
  }
  fleet.measure(kBatchesPerRound);
  fleet.send_until(fleet.waiting());
  CHECK(fleet.waiting() == 0);

  const auto sent = fleet.measured();
  CHECK(sent.size() == kNodes * kBatchesPerRound * (kKills + 1));
  CHECK(stage.metric("faultline_joins_accepted_total") == 0);  // since the last start
  CHECK(stage.get("/api/v1/nodes").at("nodes").size() == kNodes);
  CHECK(stage.get("/api/v1/incidents/i-before").at("state") == "open");
  // What an operator is shown counts each packet once, too.
  std::uint64_t packets = 0;
  const auto history = stage.get("/api/v1/history/node0/node4?since=1h");
  for (const auto& row : history.at("rows")) {
    packets += row.at("sent").get<std::uint64_t>();
  }
  CHECK(packets == 10 * kBatchesPerRound * (kKills + 1));

  CHECK(stage.end(SIGTERM).status == 0);
  const auto stored = count_stored(stage, sent);
  CHECK(stored.size() == sent.size());
  CHECK(std::ranges::all_of(stored, [](const auto& entry) { return entry.second == 1; }));
}

TEST_CASE("several threads decode, and encode anew what is moved, and each batch is stored once",
          "[controller][crash]") {
  constexpr std::uint64_t kBatches = 12;
  constexpr auto kAhead = std::chrono::hours{1};
  Stage stage("ingest_threads: 3\n");
  stage.start();
  const auto base = window_start(async::now_wall(), kWindow) - std::chrono::minutes{10};
  std::vector<std::unique_ptr<Node>> nodes;
  for (int i = 0; i < 6; ++i) {
    const auto address = "127.0.0." + std::to_string(10 + i);
    nodes.push_back(std::make_unique<Node>(stage, "node" + std::to_string(i), address));
  }
  const auto is_ahead = [](NodeId node) { return node.value() % 2 == 0; };  // on all the threads
  std::map<BatchId, Batch> sent;
  for (auto& node : nodes) {
    const Duration ahead = is_ahead(node->id()) ? Duration{kAhead} : Duration{};
    for (std::uint64_t beat = 1; beat <= 3; ++beat) {  // before that its clock is not known
      node->peer().say(Heartbeat{.sequence = beat, .sent_at = async::now_wall() + ahead});
      static_cast<void>(node->peer().hear<HeartbeatReply>());
    }
    for (std::uint64_t sequence = 1; sequence <= kBatches; ++sequence) {
      const auto made =
          batch(node->boot(), sequence, report(base + ahead, sequence, nodes[0]->id()));
      sent[{node->id(), node->boot(), sequence}] = made;
      node->peer().say(made);
    }
  }
  for (auto& node : nodes) {
    while (!covers(node->peer().hear<BatchAck>(), node->boot(), kBatches)) continue;
  }
  stage.wait_for_metric("faultline_ingest_moved_total", 3 * kBatches);
  CHECK(stage.end(SIGTERM).status == 0);
  std::map<BatchId, int> counts;
  const auto store = open_store(stage);
  const auto visit = [&](const store::JournalEntry& entry) {
    ++counts[{entry.node, entry.boot, entry.sequence}];
    const auto number = static_cast<std::int64_t>(entry.sequence);
    CHECK(entry.window_start == base + kWindow * number);
    const auto stored = wire::decode_report(entry.payload).value();
    CHECK(stored.window_start == entry.window_start);
    CHECK((stored.health.clock_offset_ns != 0) == is_ahead(entry.node));
    return true;
  };
  REQUIRE(store->journal().scan_windows(WallTime{}, async::now_wall() + 2 * kAhead, visit));
  CHECK(counts.size() == sent.size());
  CHECK(std::ranges::all_of(counts, [](const auto& entry) { return entry.second == 1; }));
}

}  // namespace
}  // namespace faultline::tests
