// From one data directory to another, and what must not happen on the way.
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/controller/backup/data_fixture.h"

namespace faultline::backup {
namespace {

TEST_CASE("what is backed up is restored, keys included", "[backup]") {
  const TemporaryDirectory folder;
  const auto archive = folder.path() / "backup.tar.zst";
  const auto data = make_data(folder.path() / "old", 1, 40);
  const auto manifest = back_up(folder.path() / "old", archive);
  struct stat info {};
  REQUIRE(::stat(archive.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  CHECK_FALSE(fs::exists(archive.string() + ".part"));
  CHECK(verify(archive, no_progress) == manifest);

  const auto restored = restore_to(folder.path() / "below" / "new", archive);
  if (!restored) FAIL(restored.error().context);
  CHECK(restored->manifest == manifest);
  CHECK(restored->nodes == 1);
  CHECK(restored->aside.empty());
  const auto fresh = folder.path() / "below" / "new";
  CHECK(data_of(fresh) == data);
  CHECK(fs::status(fresh).permissions() == fs::perms::owner_all);
  CHECK(fs::status(fresh / kKeyFile).permissions() ==
        (fs::perms::owner_read | fs::perms::owner_write));
  CHECK_FALSE(fs::exists(fresh / kRestoreFolder));
}

TEST_CASE("data that is there is moved aside only with force, and never deleted", "[backup]") {
  const TemporaryDirectory folder;
  const auto archive = folder.path() / "backup.tar.zst";
  const auto data = make_data(folder.path() / "old", 1, 5);
  back_up(folder.path() / "old", archive);
  const auto target = folder.path() / "target";
  make_data(target, 100, 120);
  put(target / "notes.txt", "precious");
  const auto before = tree_of(target);

  const auto refused = restore_to(target, archive);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kConflict);
  CHECK_THAT(refused.error().context, Catch::Contains("--force"));
  CHECK(tree_of(target) == before);

  const auto restored = restore_to(target, archive, /*force=*/true);
  if (!restored) FAIL(restored.error().context);
  CHECK(restored->aside == target / "replaced-20261122T040000Z");
  CHECK(tree_of(restored->aside) == before);
  CHECK(data_of(target) == data);

  // Once more, within the second: nothing that was moved aside is lost.
  const auto again = restore_to(target, archive, /*force=*/true);
  REQUIRE(again);
  CHECK(again->aside == target / "replaced-20261122T040000Z-2");
  CHECK(tree_of(restored->aside) == before);
  CHECK(data_of(target) == data);
}

TEST_CASE("the owner of the data directory owns what is restored", "[backup]") {
  if (::geteuid() != 0) {
    WARN("SKIPPED: only root can give files away");
    return;
  }
  constexpr uid_t kOther = 4'242;
  const TemporaryDirectory folder;
  const auto archive = folder.path() / "backup.tar.zst";
  make_data(folder.path() / "old", 1, 5);
  back_up(folder.path() / "old", archive);
  const auto target = folder.path() / "target";
  fs::create_directories(target);
  REQUIRE(::chown(target.c_str(), kOther, kOther) == 0);
  REQUIRE(restore_to(target, archive));
  for (const auto& entry : fs::recursive_directory_iterator(target)) {
    struct stat info {};
    REQUIRE(::stat(entry.path().c_str(), &info) == 0);
    CAPTURE(entry.path());
    CHECK(info.st_uid == kOther);
    CHECK(info.st_gid == kOther);
  }
}

TEST_CASE("a backup whose key or store cannot be used leaves the old data", "[backup]") {
  const TemporaryDirectory folder;
  const auto archive = folder.path() / "backup.tar.zst";
  make_data(folder.path() / "old", 1, 5);
  const bool spoil_key = GENERATE(true, false);
  if (spoil_key) {
    put(folder.path() / "old" / kKeyFile, "not a key");
    back_up(folder.path() / "old", archive);
  } else {
    // Every checksum is right, and yet RocksDB cannot open it.
    fs::create_directories(folder.path() / "old" / kCheckpointFolder);
    put(folder.path() / "old" / kCheckpointFolder / "CURRENT", "MANIFEST-000001\n");
    REQUIRE(pack({.data_dir = folder.path() / "old",
                  .to = archive,
                  .software = "faultline-controller 0.1.0",
                  .created_at = kFixtureNow},
                 no_progress));
  }
  const auto target = folder.path() / "target";
  make_data(target, 100, 120);
  const auto before = tree_of(target);
  REQUIRE(verify(archive, no_progress));
  CHECK_FALSE(restore_to(target, archive, /*force=*/true));
  CHECK(tree_of(target) == before);
}

TEST_CASE("a backup that is stopped or fails leaves the file that was there", "[backup]") {
  const TemporaryDirectory folder;
  const auto archive = folder.path() / "backup.tar.zst";
  put(archive, "last week's");
  const auto data_dir = folder.path() / "data";
  make_data(data_dir, 1, 5);
  {
    const auto store = store::open_store(data_dir / kStoreFolder);
    REQUIRE(store->checkpoint(data_dir / kCheckpointFolder));
  }
  const PackOptions options{
      .data_dir = data_dir, .to = archive, .software = "x", .created_at = kFixtureNow};
  int calls = 0;
  const auto stopped = pack(options, [&](auto, auto) -> Status {
    if (++calls < 3) return {};
    return fail(ErrorCode::kUnavailable, "stopped");
  });
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().context == "stopped");
  CHECK(content_of(archive) == "last week's");
  CHECK_FALSE(fs::exists(archive.string() + ".part"));

  // A file that changes between its checksum and its packing.
  bool changed = false;
  const auto inconsistent = pack(options, [&](std::uint64_t done, std::uint64_t all) -> Status {
    if (done * 2 >= all && !std::exchange(changed, true)) put(data_dir / kKeyFile, "other");
    return {};
  });
  CHECK_FALSE(inconsistent);
  CHECK(content_of(archive) == "last week's");
}

}  // namespace
}  // namespace faultline::backup
