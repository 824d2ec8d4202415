// The switch from old to new data, broken off at every step.
#include "tests/integration/controller/backup/data_fixture.h"

namespace faultline::backup {
namespace {

constexpr const char* kAside = "replaced-20261122T040000Z";

// Old data with a file that the new data lacks, and the other way round.
void prepare(const fs::path& data_dir) {
  const auto fresh = data_dir / kRestoreFolder / kNewFolder;
  fs::create_directories(fresh / kStoreFolder);
  fs::create_directories(data_dir / kStoreFolder);
  put(data_dir / kStoreFolder / "CURRENT", "old store");
  put(data_dir / kKeyFile, "old key");
  put(data_dir / "old-only", "old");
  put(fresh / kStoreFolder / "CURRENT", "new store");
  put(fresh / kKeyFile, "new key");
  put(fresh / "new-only", "new");
}

std::map<std::string, std::string> expected_after() {
  const auto aside = std::string(kAside) + "/";
  return {{"store/CURRENT", "new store"},
          {"controller.key", "new key"},
          {"new-only", "new"},
          {aside + "store/CURRENT", "old store"},
          {aside + "controller.key", "old key"},
          {aside + "old-only", "old"}};
}

TEST_CASE("the switch moves old data aside and new data in place", "[backup]") {
  const TemporaryDirectory folder;
  prepare(folder.path());
  REQUIRE(switch_data(folder.path(), kAside));
  CHECK(tree_of(folder.path()) == expected_after());
}

TEST_CASE("a switch that was broken off at any step is finished by who looks next", "[backup]") {
  const TemporaryDirectory folder;
  const auto& data = folder.path();
  prepare(data);
  // As written by the process that died; then its renames, up to a number of them.
  put(data / kRestoreFolder / "switch.json",
      R"({"aside":"replaced-20261122T040000Z","old":["controller.key","old-only","store"],)"
      R"("new":["controller.key","new-only","store"]})");
  const auto aside = data / kAside;
  const auto fresh = data / kRestoreFolder / kNewFolder;
  const std::vector<std::pair<fs::path, fs::path>> renames{
      {data / kKeyFile, aside / kKeyFile},         {data / "old-only", aside / "old-only"},
      {data / kStoreFolder, aside / kStoreFolder}, {fresh / kKeyFile, data / kKeyFile},
      {fresh / "new-only", data / "new-only"},     {fresh / kStoreFolder, data / kStoreFolder}};
  const auto steps = GENERATE(range(0, 8));
  CAPTURE(steps);
  if (steps > 0) fs::create_directories(aside);
  for (int i = 0; i + 1 < steps && i < static_cast<int>(renames.size()); ++i) {
    const auto& [from, to] = renames[static_cast<std::size_t>(i)];
    fs::rename(from, to);
  }
  const auto done = tidy_at_start(data);
  REQUIRE(done);
  CHECK_THAT(*done, Catch::Contains("finished the restore"));
  CHECK(tree_of(data) == expected_after());
  CHECK(tidy_at_start(data) == std::string());
}

TEST_CASE("what was extracted but not complete is thrown away, and a checkpoint that was left",
          "[backup]") {
  const TemporaryDirectory folder;
  prepare(folder.path());
  fs::create_directories(folder.path() / kCheckpointFolder);
  put(folder.path() / kCheckpointFolder / "CURRENT", "x");
  REQUIRE(tidy_at_start(folder.path()));
  const std::map<std::string, std::string> old{
      {"store/CURRENT", "old store"}, {"controller.key", "old key"}, {"old-only", "old"}};
  CHECK(tree_of(folder.path()) == old);
}

TEST_CASE("a damaged journal of a switch is told and nothing is moved", "[backup]") {
  const TemporaryDirectory folder;
  prepare(folder.path());
  put(folder.path() / kRestoreFolder / "switch.json", "{");
  const auto before = tree_of(folder.path());
  const auto done = tidy_at_start(folder.path());
  REQUIRE_FALSE(done);
  CHECK(done.error().code == ErrorCode::kCorrupt);
  CHECK(tree_of(folder.path()) == before);
}

TEST_CASE("a controller waits for a restore, and not for a backup", "[backup]") {
  const TemporaryDirectory folder;
  const auto lock = DataDirLock::take(folder.path());
  REQUIRE(lock);
  const auto second = DataDirLock::take(folder.path());
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::kConflict);

  fs::create_directories(folder.path() / kCheckpointFolder);
  CHECK(tidy_at_start(folder.path()) == std::string());
  CHECK(fs::exists(folder.path() / kCheckpointFolder));  // the backup reads it

  fs::create_directories(folder.path() / kRestoreFolder);
  const auto refused = tidy_at_start(folder.path());
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().context, Catch::Contains("a restore into"));
}

}  // namespace
}  // namespace faultline::backup
