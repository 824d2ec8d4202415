// Data that an older build left must be opened, with everything in it, by every build after it.
#include <fmt/format.h>

#include "common/wire/report_codec.h"
#include "controller/fleet/records.h"
#include "controller/incident/incident.h"
#include "controller/notify/outbox.h"
#include "controller/store/keys.h"
#include "tests/integration/controller/store/store_fixture.h"

namespace faultline::store {
namespace {

void unpack(const std::string& archive, const std::filesystem::path& directory) {
  const auto command =
      fmt::format("tar -xzf {}/{} -C {}", FAULTLINE_CORPUS, archive, directory.string());
  REQUIRE(std::system(command.c_str()) == 0);
}

template <typename Parse>
auto read_all(RocksStore& store, Table table, Parse parse) {
  const auto documents = store.ledger().list(table);
  REQUIRE(documents);
  std::vector<std::decay_t<decltype(*parse(std::string()))>> records;
  for (const auto& document : *documents) {
    if (document.key.starts_with("told-")) continue;  // of whom an outbox' alerts were told
    auto record = parse(document.value);
    if (!record) FAIL(document.key << ": " << record.error().context);
    records.push_back(*std::move(record));
  }
  return records;
}

TEST_CASE("a store of an older format is opened with all that is in it", "[store][migration]") {
  const auto format = GENERATE(range(1U, kFormatVersion));
  CAPTURE(format);
  TemporaryDirectory directory;
  unpack(fmt::format("store-format-{}.tar.gz", format), directory.path());
  auto store = open_store(directory.path() / "store");

  const auto nodes = read_all(*store, Table::kNodes, fleet::node_record_from_json);
  REQUIRE(nodes.size() == 2);
  CHECK(nodes[0].name == "a");
  CHECK(nodes[0].profile.labels == Labels{{"rack", "rack-a"}});
  CHECK(nodes[1].name == "b");
  CHECK_FALSE(nodes[1].removed_at);
  const auto tokens = read_all(*store, Table::kTokens, fleet::token_record_from_json);
  CHECK(tokens.size() == 3);  // of a and b, spent, and one that waits for c
  CHECK(std::ranges::count_if(tokens, [](const auto& token) { return !token.spent_by; }) == 1);
  const auto incidents = read_all(*store, Table::kIncidents, incident::incident_from_json);
  REQUIRE(incidents.size() == 1);
  CHECK(incidents[0].id.starts_with("i-"));
  CHECK(incidents[0].is_open());
  CHECK(incidents[0].suspect.id == "10.9.9.2>b");
  CHECK(read_all(*store, Table::kOutbox, notify::from_record).size() == 1);
  CHECK(store->ledger().list(Table::kPlan)->size() == 1);

  std::size_t reports = 0;
  std::size_t gaps = 0;
  WallTime newest{};
  for (const auto& entry : all_entries(*store)) {
    if (entry.is_gap()) {
      ++gaps;
      CHECK(entry.results_dropped == 9);
      continue;
    }
    ++reports;
    const auto report = wire::decode_report(entry.payload);
    REQUIRE(report);
    CHECK(report->flows.size() == 4);
    newest = std::max(newest, report->window_start);
  }
  CHECK(reports == 10);
  CHECK(gaps == 1);
  CHECK(store->views().load_paths(newest)->size() == 16);

  // What they kept as it came is sealed as what comes today is, and answered the same.
  const auto count = [&] {
    std::size_t flows = 0;
    const auto summary = store->views().scan_reports(WallTime{}, WallTime::max(), {},
                                                     [&](NodeId, const Report& report) {
                                                       flows += report.flows.size();
                                                       return true;
                                                     });
    REQUIRE(summary);
    CHECK(summary->visited == reports);
    return flows;
  };
  CHECK(count() == 4 * reports);
  while (true) {
    const auto progress = store->journal().seal_slice(newest + std::chrono::hours{1});
    REQUIRE(progress);
    if (progress->done) break;
  }
  CHECK(all_entries(*store).empty());
  CHECK(count() == 4 * reports);
}

}  // namespace
}  // namespace faultline::store
