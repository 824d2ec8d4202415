// `faultline-controller store check|stats|compact` as an operator runs them.
#include <signal.h>

#include <algorithm>

#include "common/async/clock.h"
#include "tests/integration/controller/app/fake_node.h"
#include "tests/integration/controller/store/store_fixture.h"

namespace faultline::tests {
namespace {

namespace fs = std::filesystem;

Exit run_store(const std::string& command, const fs::path& config) {
  return run_controller({"store", command, "--config", config.string()});
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

TEST_CASE("where there is no store its commands say so", "[store-command]") {
  const Folder folder;
  const auto config = write_file(folder.path() / "controller.yaml", minimal_config(folder.path()));
  for (const auto* command : {"check", "stats", "compact"}) {
    CAPTURE(command);
    const auto refused = run_store(command, config);
    CHECK(refused.status == 1);
    CHECK_THAT(refused.errors, Catch::Contains("there is no store"));
    CHECK(std::ranges::count(refused.errors, '\n') == 1);
  }
}

}  // namespace
}  // namespace faultline::tests
