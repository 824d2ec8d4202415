// Backup and restore as an operator runs them, against the real controller.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "common/async/clock.h"
#include "common/base/random.h"
#include "common/crypto/key_file.h"
#include "controller/store/rocks_store.h"
#include "tests/integration/controller/app/fake_node.h"

namespace faultline::tests {
namespace {

namespace fs = std::filesystem;

std::string config_for(const fs::path& folder) {
  return write_file(folder / "controller.yaml", minimal_config(folder));
}

Exit back_up(const std::string& config, const fs::path& to) {
  return run_controller({"backup", "--to", to.string(), "--config", config});
}

Exit restore(const std::string& config, const fs::path& from, const std::string& more = "") {
  std::vector<std::string> arguments{"restore", "--from", from.string(), "--config", config};
  if (!more.empty()) arguments.push_back(more);
  return run_controller(arguments);
}

// How often each batch of the only node is in a store.
std::map<std::uint64_t, int> sequences_in(const fs::path& data_dir) {
  const auto store = store::RocksStore::open(data_dir / "store");
  REQUIRE(store);
  std::map<std::uint64_t, int> counts;
  const auto summary = (*store)->journal().scan_windows(WallTime{}, async::now_wall(),
                                                        [&](const store::JournalEntry& entry) {
                                                          ++counts[entry.sequence];
                                                          return true;
                                                        });
  REQUIRE(summary);
  CHECK(summary->damaged == 0);
  return counts;
}

std::vector<store::LedgerDocument> nodes_in(const fs::path& data_dir) {
  const auto store = store::RocksStore::open(data_dir / "store");
  REQUIRE(store);
  return *(*store)->ledger().list(store::Table::kNodes);
}

// A node that reports without a pause, within the credit that any controller gives.
class Load {
 public:
  explicit Load(Stage& stage)
      : stage_(stage),
        node_(stage, "h1", "127.0.0.10"),
        base_(window_start(async::now_wall(), kWindow) - std::chrono::minutes{20}) {}

  // Sends `count` batches and waits for the acknowledgement of the last.
  void report_until_acknowledged(std::uint64_t count) {
    send(count);
    stage_.wait_for("an acknowledgement", [&] { return take_acks() >= sequence_; });
  }
  void send(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      stage_.wait_for("credit", [&] { return sequence_ - take_acks() < kUnacknowledgedMax; });
      ++sequence_;
      node_.peer().say(
          batch(node_.boot(), sequence_, report(base_, sequence_ % kWindows, node_.id())));
    }
  }
  std::uint64_t take_acks() {
    while (const auto ack = node_.peer().take<BatchAck>()) {
      while (acknowledged_ < sequence_ && covers(*ack, node_.boot(), acknowledged_ + 1)) {
        ++acknowledged_;
      }
    }
    return acknowledged_;
  }
  [[nodiscard]] std::uint64_t sent() const { return sequence_; }

 private:
  static constexpr std::uint64_t kUnacknowledgedMax = 16;
  // Ten minutes of windows, over and over. The oldest is not sealed before store::kFreshFor, when
  // sequences_in() would no longer find it: far longer than the test.
  static constexpr std::uint64_t kWindows = 60;

  Stage& stage_;
  Node node_;
  const WallTime base_;
  std::uint64_t sequence_ = 0;
  std::uint64_t acknowledged_ = 0;
};

TEST_CASE("a backup under load holds all that was acknowledged, once, and is restored equal",
          "[backup]") {
  Stage stage;
  stage.start();
  Load load(stage);
  const auto& folder = stage.folder().path();
  const auto config = (folder / "controller.yaml").string();
  const auto file = folder / "backup.tar.zst";
  load.report_until_acknowledged(200);
  const auto before = load.take_acks();

  Exit backup;
  std::atomic<bool> done = false;
  std::thread backing_up([&] {
    backup = back_up(config, file);
    done = true;
  });
  while (!done) {
    load.send(4);
    stage.wait_for("acknowledgements", [&] { return load.take_acks() + 8 >= load.sent(); });
  }
  backing_up.join();
  CAPTURE(backup.errors);
  REQUIRE(backup.status == 0);
  CHECK_THAT(backup.output, Catch::Contains("it holds keys, keep it secret"));
  CHECK(load.sent() > before);
  CHECK(fs::status(file).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  CHECK_FALSE(fs::exists(folder / "data" / "checkpoint"));
  stage.wait_for("the last acknowledgement", [&] { return load.take_acks() == load.sent(); });
  CHECK(stage.end(SIGTERM).status == 0);

  CHECK(run_controller({"restore", "--from", file.string(), "--verify"}).status == 0);
  const Folder target;
  const auto restored = restore(config_for(target.path()), file);
  CAPTURE(restored.errors);
  REQUIRE(restored.status == 0);
  CHECK_THAT(restored.output, Catch::Contains(", 1 nodes"));
  const auto counts = sequences_in(target.path() / "data");
  for (std::uint64_t sequence = 1; sequence <= before; ++sequence) {
    CAPTURE(sequence);
    CHECK(counts.contains(sequence));
  }
  CHECK(std::ranges::all_of(counts, [](const auto& entry) { return entry.second == 1; }));
  CHECK(nodes_in(target.path() / "data") == nodes_in(folder / "data"));
  const auto key = [](const fs::path& data_dir) {
    return crypto::load_key_pair(data_dir / "controller.key").value().public_key;
  };
  CHECK(key(target.path() / "data") == key(folder / "data"));
}

TEST_CASE("a stopped controller is backed up, and a running one's data is not replaced",
          "[backup]") {
  Stage stage;
  stage.start();
  const auto& folder = stage.folder().path();
  const auto config = (folder / "controller.yaml").string();
  const auto file = folder / "backup.tar.zst";
  CHECK(stage.end(SIGTERM).status == 0);
  CHECK(back_up(config, file).status == 0);
  CHECK_FALSE(fs::exists(folder / "data" / "checkpoint"));

  stage.start();
  const auto refused = restore(config, file, "--force");
  CHECK(refused.status == 1);
  CHECK_THAT(refused.errors, Catch::Contains("runs on") && Catch::Contains("stop it first"));
  CHECK(stage.get("/api/v1/status").at("store").at("state") == "ok");
  CHECK(stage.end(SIGTERM).status == 0);
  CHECK(restore(config, file).status == 1);
  const auto forced = restore(config, file, "--force");
  CHECK(forced.status == 0);
  CHECK_THAT(forced.output, Catch::Contains("replaced-"));
  stage.start();
  CHECK(stage.end(SIGTERM).status == 0);
}

TEST_CASE("what keeps a backup from being made is one sentence", "[backup]") {
  const Folder folder;
  const auto config = config_for(folder.path());
  const auto refusal = [&](const Exit& exit, const char* words) {
    CAPTURE(exit.errors);
    CHECK(exit.status == 1);
    CHECK(exit.errors.starts_with("faultline-controller: "));
    CHECK(std::ranges::count(exit.errors, '\n') == 1);
    CHECK_THAT(exit.errors, Catch::Contains(words));
  };
  refusal(back_up(config, folder.path() / "x"), "data");
  fs::create_directories(folder.path() / "data");
  refusal(back_up(config, folder.path() / "x"), "nothing to back up");
  refusal(restore(config, folder.path() / "missing"), "missing");
  CHECK(run_controller({"backup", "--config", config}).status == 3);
  CHECK(run_controller({"restore", "--from", "x", "--force", "--verify"}).status == 3);

  Stage stage;
  stage.start();
  refusal(back_up((stage.folder().path() / "controller.yaml").string(), "/nonexistent/x.tar.zst"),
          "/nonexistent/x.tar.zst");
  CHECK_FALSE(fs::exists(stage.folder().path() / "data" / "checkpoint"));
  // A checkpoint that a killed backup left is in nobody's way.
  fs::create_directories(stage.folder().path() / "data" / "checkpoint");
  CHECK(back_up((stage.folder().path() / "controller.yaml").string(), folder.path() / "x").status ==
        0);
  fs::create_directories(stage.folder().path() / "data" / "checkpoint");
  CHECK(stage.end(SIGKILL).status == -SIGKILL);
  stage.start();
  CHECK_FALSE(fs::exists(stage.folder().path() / "data" / "checkpoint"));
}

TEST_CASE("a restore that is killed has happened or has not", "[backup]") {
  const Folder source;
  const Folder folder;
  const auto file = source.path() / "backup.tar.zst";
  const auto start_and_stop = [](const std::string& config, const fs::path& where) {
    ControllerProcess process({"--config", config}, where);
    while (process.log().find("ready") == std::string::npos && !process.has_ended()) {
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    return process.end(SIGTERM);
  };
  REQUIRE(start_and_stop(config_for(source.path()), source.path()).status == 0);
  REQUIRE(back_up((source.path() / "controller.yaml").string(), file).status == 0);
  const auto config = config_for(folder.path());
  REQUIRE(start_and_stop(config, folder.path()).status == 0);
  const auto key = [](const fs::path& data_dir) {
    return crypto::load_key_pair(data_dir / "controller.key").value().public_key;
  };
  const auto old_key = key(folder.path() / "data");
  const auto new_key = key(source.path() / "data");

  const auto seed = 7U;
  CAPTURE(seed);
  Rng rng{seed};
  bool happened = false;
  for (int attempt = 0; attempt < 12; ++attempt) {
    fs::remove(folder.path() / "log");
    {
      ControllerProcess process({"restore", "--from", file.string(), "--config", config, "--force"},
                                folder.path());
      std::this_thread::sleep_for(std::chrono::microseconds{uniform_below(rng, 60'000)});
      static_cast<void>(process.end(SIGKILL));
    }
    fs::remove(folder.path() / "log");
    REQUIRE(start_and_stop(config, folder.path()).status == 0);
    const auto found = key(folder.path() / "data");
    CHECK((found == (happened ? new_key : old_key) || found == new_key));
    happened = happened || found == new_key;
    CHECK_FALSE(fs::exists(folder.path() / "data" / "restore"));
    CHECK(nodes_in(folder.path() / "data").empty());
  }
}

}  // namespace
}  // namespace faultline::tests
