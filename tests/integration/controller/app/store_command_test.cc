// `faultline-controller store check|stats|compact|repair` as an operator runs them.
#include <signal.h>

#include <algorithm>

#include "common/async/clock.h"
#include "tests/integration/controller/app/fake_node.h"
#include "tests/integration/controller/store/store_fixture.h"

namespace faultline::tests {
namespace {

namespace fs = std::filesystem;

Exit run_store(const std::string& command, const fs::path& config) {
  return run_controller({"store", command, "--config", config});
}

// A byte in the middle of each table that holds something.
std::size_t damage_tables(const fs::path& store) {
  std::size_t damaged = 0;
  for (const auto& entry : fs::directory_iterator{store}) {
    if (entry.path().extension() != ".sst" || entry.file_size() < 2'000) continue;
    store::flip_byte(entry.path(), 0.5);
    ++damaged;
  }
  return damaged;
}

TEST_CASE(
    "the store's commands tell of a good store and of a damaged one, and leave a running one alone",
    "[store-command]") {
  Stage stage;
  stage.start();
  const auto config = stage.folder().path() / "controller.yaml";
  Node node(stage, "h1", "127.0.0.10");
  const auto base = window_start(async::now_wall(), kWindow) - std::chrono::minutes{20};
  for (std::uint64_t sequence = 1; sequence <= 60; ++sequence) {
    node.peer().say(batch(node.boot(), sequence, report(base, sequence, node.id())));
    stage.wait_for("an acknowledgement", [&] {
      const auto ack = node.peer().take<BatchAck>();
      return ack && covers(*ack, node.boot(), sequence);
    });
  }
  const auto running = run_store("check", config);
  CHECK(running.status == 1);
  CHECK_THAT(running.errors, Catch::Contains("stop it first"));
  CHECK(stage.end(SIGTERM).status == 0);

  const auto good = run_store("check", config);
  CAPTURE(good.errors);
  CHECK(good.status == 0);
  CHECK_THAT(good.output, Catch::Contains("the store is good"));
  const auto stats = run_store("stats", config);
  CHECK(stats.status == 0);
  for (const auto* tier : {"TIER", "windows", "blocks", "minutes", "hours", "ledger"}) {
    CHECK_THAT(stats.output, Catch::Contains(tier));
  }
  const auto compact = run_store("compact", config);
  CHECK(compact.status == 0);
  CHECK_THAT(compact.output, Catch::Contains("the store is compact"));
  CHECK(run_store("check", config).status == 0);

  REQUIRE(damage_tables(stage.folder().path() / "data" / "store") > 0);
  const auto damaged = run_store("check", config);
  CAPTURE(damaged.output, damaged.errors);
  CHECK(damaged.status == 1);
  CHECK_THAT(damaged.errors, Catch::Contains("damaged") && Catch::Contains("look at the disk"));
}

// A store of one table of reports, which is cut.
fs::path cut_table(const fs::path& data) {
  fs::create_directories(data);
  {
    const auto store = store::open_store(data / "store");
    for (std::uint64_t sequence = 1; sequence <= 50; ++sequence) {
      REQUIRE(store->journal().append(std::vector{store::entry(1, sequence, 4'000)}, {}));
    }
    REQUIRE(store->compact());
  }
  fs::path largest;
  for (const auto& entry : fs::directory_iterator{data / "store"}) {
    if (entry.path().extension() != ".sst") continue;
    if (largest.empty() || entry.file_size() > fs::file_size(largest)) largest = entry.path();
  }
  fs::resize_file(largest, fs::file_size(largest) / 2);
  return largest;
}

TEST_CASE("a store that does not open for a cut table goes on without it when somebody says so",
          "[store-command]") {
  const Folder folder;
  const auto config = write_file(folder.path() / "controller.yaml", minimal_config(folder.path()));
  const auto table = cut_table(folder.path() / "data");
  const auto name = table.filename().string();
  const auto start = run_controller({"--config", config});
  CHECK(start.status == 1);
  CHECK_THAT(start.errors + start.output,
             Catch::Contains(name) && Catch::Contains("faultline-controller store repair"));
  const auto check = run_store("check", config);
  CHECK(check.status == 1);
  CHECK_THAT(check.errors, Catch::Contains(name + " (windows, ") &&
                               Catch::Contains("it held window 2026-11-22T03:00:10Z of node 1"));

  const auto listed = run_store("repair", config);
  CHECK(listed.status == 1);
  CHECK_THAT(listed.errors, Catch::Contains(name) && Catch::Contains("nothing was done"));
  CHECK(run_store("check", config).status == 1);
  const auto repaired = run_controller({"store", "repair", "--yes", "--config", config});
  CAPTURE(repaired.errors);
  CHECK(repaired.status == 0);
  CHECK_THAT(repaired.output, Catch::Contains(name));
  CHECK(fs::exists(folder.path() / "data" / "store-left-out" / name));
  CHECK(run_store("check", config).status == 0);
  const auto again = run_store("repair", config);
  CHECK(again.status == 0);
  CHECK_THAT(again.output, Catch::Contains("nothing to repair"));
}

TEST_CASE("where there is no store its commands say so", "[store-command]") {
  const Folder folder;
  const auto config = write_file(folder.path() / "controller.yaml", minimal_config(folder.path()));
  for (const auto* command : {"check", "stats", "compact", "repair"}) {
    CAPTURE(command);
    const auto refused = run_store(command, config);
    CHECK(refused.status == 1);
    CHECK_THAT(refused.errors, Catch::Contains("there is no store"));
    CHECK(std::ranges::count(refused.errors, '\n') == 1);
  }
}

}  // namespace
}  // namespace faultline::tests
