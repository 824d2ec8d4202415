#include "controller/app/facts_store.h"

#include <map>

#include "common/facts/changes.h"
#include "common/facts/exchange.h"
#include "tests/support/catch.h"
#include "tests/unit/common/facts/samples.h"

namespace faultline::app {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class MemoryLedger : public store::Ledger {
 public:
  Status commit(std::span<const store::LedgerWrite> writes) override {
    for (const auto& write : writes) {
      const auto found = documents_.find({write.table, write.key});
      const auto version = found == documents_.end() ? 0 : found->second.version;
      if (version != write.expected_version) return fail(ErrorCode::kConflict, write.key);
    }
    for (const auto& write : writes) {
      if (write.value) {
        documents_[{write.table, write.key}] = {write.key, *write.value,
                                                write.expected_version + 1};
      } else {
        documents_.erase({write.table, write.key});
      }
    }
    return {};
  }
  Result<std::optional<store::LedgerDocument>> get(store::Table table,
                                                   std::string_view key) const override {
    const auto found = documents_.find({table, std::string(key)});
    if (found == documents_.end()) return std::optional<store::LedgerDocument>{};
    return std::optional(found->second);
  }
  Result<std::vector<store::LedgerDocument>> list(store::Table table) const override {
    std::vector<store::LedgerDocument> result;
    for (const auto& [key, document] : documents_) {
      if (key.first == table) result.push_back(document);
    }
    return result;
  }

 private:
  std::map<std::pair<store::Table, std::string>, store::LedgerDocument> documents_;
};

// A node whose facts are kept.
struct Kept {
  MemoryLedger ledger;
  facts::Sender sender;
  facts::Facts facts = tests::sample_facts();
  NodeId node{7};

  // What it is after `by`, sent whether or not it is news.
  void send(Duration by) {
    facts.collected_at += by;
    auto update = facts::Sender().next(facts);
    REQUIRE((update && *update));
    const auto kept = keep_facts(ledger, node, **update);
    REQUIRE(kept);
    CHECK(*kept == facts);
  }
  void set_mtu(std::uint32_t mtu) { facts.interfaces->items[0].mtu = mtu; }
};

TEST_CASE("facts are kept as they are now and as they were, by the time of what changed",
          "[app][facts]") {
  Kept bench;
  CHECK(load_facts(bench.ledger, bench.node, {}).error().code == ErrorCode::kNotFound);
  bench.send(seconds{0});
  const auto began = bench.facts.collected_at;
  bench.set_mtu(9000);
  bench.send(minutes{10});
  const auto changed = bench.facts.collected_at;
  bench.facts.interfaces->items[0].counters->rx_packets += 5;
  bench.send(minutes{10});  // counters alone: the same state

  const auto now = load_facts(bench.ledger, bench.node, {});
  REQUIRE(now);
  CHECK(now->facts == bench.facts);
  CHECK(now->since == changed);
  REQUIRE(now->earlier);
  CHECK(now->earlier->collected_at == changed);
  CHECK(load_facts(bench.ledger, bench.node, changed)->facts == bench.facts);
  CHECK(load_facts(bench.ledger, bench.node, began + minutes{9})->facts.interfaces->items[0].mtu !=
        9000);
  CHECK(load_facts(bench.ledger, bench.node, began - seconds{1}).error().code ==
        ErrorCode::kNotFound);

  const auto states = load_states(bench.ledger, bench.node, began);
  REQUIRE(states);
  REQUIRE(states->size() == 2);
  const auto changes = facts::changes((*states)[0].facts, (*states)[1].facts);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].what == "interfaces " + bench.facts.interfaces->items[0].name + " mtu");
  CHECK(changes[0].after == "9000");
}

TEST_CASE("states beyond the ring are forgotten, the newest never", "[app][facts]") {
  Kept bench;
  for (std::uint32_t i = 0; i < kFactsHistoryMax + 10; ++i) {
    bench.set_mtu(1000 + i);
    bench.send(minutes{1});
  }
  const auto states = load_states(bench.ledger, bench.node, {});
  REQUIRE(states);
  CHECK(states->size() == kFactsHistoryMax + 1);
  CHECK(states->back().facts == bench.facts);
  CHECK(states->front().facts.interfaces->items[0].mtu == 1000 + 9);
  REQUIRE(drop_facts_before(bench.ledger, bench.facts.collected_at + seconds{1}));
  CHECK_FALSE(load_facts(bench.ledger, bench.node, {}));
  CHECK(bench.ledger.list(store::Table::kFactsHistory)->empty());
}

TEST_CASE("a sample to compare with is at least half a minute older", "[app][facts]") {
  Kept bench;
  bench.send(seconds{0});
  const auto first = bench.facts.collected_at;
  bench.send(seconds{5});
  bench.send(seconds{5});
  CHECK(load_facts(bench.ledger, bench.node, {})->earlier->collected_at == first);
  bench.send(seconds{40});
  bench.send(seconds{5});
  CHECK(load_facts(bench.ledger, bench.node, {})->earlier->collected_at == first + seconds{10});
}

TEST_CASE("of a node that is asked again and again, the sample to compare with does not age",
          "[app][facts]") {
  Kept bench;
  bench.send(seconds{0});
  for (int i = 0; i < 20; ++i) {
    bench.send(seconds{15});
    const auto kept = load_facts(bench.ledger, bench.node, {});
    REQUIRE(kept->earlier);
    CHECK(bench.facts.collected_at - kept->earlier->collected_at < kSampleAgeMax + seconds{15});
  }
}

}  // namespace
}  // namespace faultline::app
