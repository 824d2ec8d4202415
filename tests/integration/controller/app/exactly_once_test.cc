// Kill -9 at any moment: what was acknowledged is in the store, once; what was not comes again from
// the spools; nobody joins anew.
#include <signal.h>

#include <algorithm>
#include <vector>

#include "common/async/clock.h"
#include "common/base/random.h"
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
  Stage stage;
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

}  // namespace
}  // namespace faultline::tests
