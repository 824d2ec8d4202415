// Kill -9 at any moment: what was acknowledged is in the store, once; what was not comes again from
// the spools; nobody joins anew.
#include <signal.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <vector>

#include "common/async/clock.h"
#include "common/base/random.h"
#include "common/wire/report_codec.h"
#include "controller/incident/incident.h"
#include "controller/store/rocks_store.h"
#include "tests/integration/controller/app/fake_node.h"

namespace faultline::tests {
namespace {

constexpr int kKills = 5;
constexpr int kNodes = 5;
constexpr std::uint64_t kBatchesPerRound = 8;

using BatchId = std::tuple<NodeId, BootId, std::uint64_t>;

// A node with the part of a probe that must not lose anything.
class Spool {
 public:
  Spool(Stage& stage, const std::string& name, const std::string& address, WallTime base)
      : base_(base), node_(stage, name, address) {}

  [[nodiscard]] Node& node() { return node_; }
  [[nodiscard]] const std::map<std::uint64_t, Batch>& all() const { return all_; }
  [[nodiscard]] std::size_t acknowledged() const { return all_.size() - waiting_.size(); }

  void measure(std::uint64_t count, NodeId target) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto sequence = all_.size() + 1;
      all_[sequence] = batch(node_.boot(), sequence, report(base_, sequence, target));
      waiting_.insert(sequence);
    }
  }
  // Also the last one that was acknowledged: a probe that dies may not remember that it was.
  void send() {
    const auto first = waiting_.empty() ? all_.size() : *waiting_.begin();
    if (first > 1) node_.peer().say(all_.at(first - 1));
    for (const auto sequence : waiting_) node_.peer().say(all_.at(sequence));
  }
  void take_acks() {
    while (const auto ack = node_.peer().take<BatchAck>()) {
      std::erase_if(waiting_, [&](auto sequence) { return covers(*ack, node_.boot(), sequence); });
    }
  }

 private:
  WallTime base_;
  Node node_;
  std::map<std::uint64_t, Batch> all_;
  std::set<std::uint64_t> waiting_;
};

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

std::unique_ptr<store::RocksStore> open_store(const Stage& stage) {
  auto store = store::RocksStore::open(stage.folder().path() / "data" / "store");
  REQUIRE(store);
  return *std::move(store);
}

class Fleet {
 public:
  Fleet(Stage& stage, WallTime base) : stage_(stage) {
    for (int i = 0; i < kNodes; ++i) {
      const auto address = "127.0.0." + std::to_string(10 + i);
      spools_.push_back(std::make_unique<Spool>(stage, "node" + std::to_string(i), address, base));
    }
  }

  // Everybody measures and sends; ends when `count` more batches are acknowledged than before.
  void send_until(std::size_t count) {
    const auto before = acknowledged();
    for (auto& spool : spools_) spool->send();
    stage_.wait_for("acknowledgements", [&] {
      for (auto& spool : spools_) spool->take_acks();
      return acknowledged() >= before + count;
    });
  }
  void measure() {
    const auto target = spools_.back()->node().id();
    for (auto& spool : spools_) spool->measure(kBatchesPerRound, target);
  }
  void reconnect() {
    for (auto& spool : spools_) spool->node().reconnect();
  }
  [[nodiscard]] std::size_t acknowledged() const {
    std::size_t count = 0;
    for (const auto& spool : spools_) count += spool->acknowledged();
    return count;
  }
  [[nodiscard]] std::size_t waiting() const { return measured().size() - acknowledged(); }
  [[nodiscard]] std::map<BatchId, Batch> measured() const {
    std::map<BatchId, Batch> result;
    for (const auto& spool : spools_) {
      for (const auto& [sequence, sent] : spool->all()) {
        result[{spool->node().id(), sent.boot, sequence}] = sent;
      }
    }
    return result;
  }

 private:
  Stage& stage_;
  std::vector<std::unique_ptr<Spool>> spools_;
};

// How often each batch is in the store, whose payload must be what was sent.
std::map<BatchId, int> count_stored(const Stage& stage, const std::map<BatchId, Batch>& sent) {
  std::map<BatchId, int> counts;
  const auto store = open_store(stage);
  const auto summary = store->journal().scan_windows(
      WallTime{}, async::now_wall(), [&](const store::JournalEntry& entry) {
        const BatchId id{entry.node, entry.boot, entry.sequence};
        ++counts[id];
        CHECK((sent.contains(id) && sent.at(id).payload == entry.payload));
        return true;
      });
  REQUIRE(summary);
  CHECK(summary->damaged == 0);
  return counts;
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
  Fleet fleet(stage, base);
  for (int kill = 0; kill < kKills; ++kill) {
    fleet.measure();
    fleet.send_until(uniform_below(rng, fleet.waiting() + 1));
    CHECK(stage.end(SIGKILL).status == -SIGKILL);
    stage.start();
    fleet.reconnect();
  }
  fleet.measure();
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
  CHECK(stage.metric("faultline_ingest_moved_total") == 3 * kBatches);
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
