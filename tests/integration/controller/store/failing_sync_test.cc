// A disk whose fsync fails: what could not be made durable must never be acknowledged. After such
// an error the kernel may have thrown the pages away and says so only once ("fsyncgate"), so the
// store must not believe a later success either.
#include <atomic>
#include <memory>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include "controller/store/rocks_journal.h"
#include "controller/store/rocks_views.h"
#include "tests/integration/controller/store/numbered_reports.h"
#include "tests/integration/controller/store/store_fixture.h"

namespace faultline::store {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// Syncs that are still to succeed; after them one fails, and those behind it succeed.
using SyncsLeft = std::atomic<std::int64_t>;

class File : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(std::unique_ptr<rocksdb::FSWritableFile> file, SyncsLeft& left)
      : FSWritableFileOwnerWrapper(std::move(file)), left_(left) {}

  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    if (left_-- == 0) return IOStatus::IOError("the disk does not sync");
    return FSWritableFileOwnerWrapper::Sync(options, debug);
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Sync(options, debug);
  }

 private:
  SyncsLeft& left_;
};

class FileSystem : public rocksdb::FileSystemWrapper {
 public:
  explicit FileSystem(SyncsLeft& left)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), left_(left) {}
  const char* Name() const override { return "FailingSyncs"; }

  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    auto status = target()->NewWritableFile(name, options, file, debug);
    if (status.ok()) *file = std::make_unique<File>(std::move(*file), left_);
    return status;
  }

 private:
  SyncsLeft& left_;
};

struct Worked {
  std::uint64_t acknowledged = 0;
  bool failed = false;
  std::uint64_t acknowledged_after = 0;  // appends behind the failure
};

Worked work(const std::filesystem::path& directory, std::int64_t syncs, std::uint64_t appends) {
  SyncsLeft left{syncs};
  FileSystem files{left};
  const auto env = rocksdb::NewCompositeEnv(
      std::shared_ptr<rocksdb::FileSystem>(&files, [](rocksdb::FileSystem*) {}));
  Worked worked;
  const auto database = Database::open(directory, {.env = env.get()});
  if (!database) return {.failed = true};
  RocksJournal journal{**database};
  for (std::uint64_t number = 1; number <= appends; ++number) {
    if (!journal.append(std::vector{numbered_entry(number)}, {}, {})) {
      worked.failed = true;
    } else if (worked.failed) {
      ++worked.acknowledged_after;
    } else {
      worked.acknowledged = number;
    }
    if (number % 8 == 0) static_cast<void>((*database)->db().Flush({}, (*database)->windows()));
  }
  return worked;
}

TEST_CASE("what a failed sync left in doubt is not acknowledged, and nothing acknowledged is lost",
          "[store]") {
  bool any_failed = false;
  for (std::int64_t syncs = 0; syncs < 60; syncs += 3) {
    CAPTURE(syncs);
    TemporaryDirectory directory;
    const Worked worked = work(directory.path(), syncs, 24);
    any_failed = any_failed || worked.failed;
    const auto store = RocksStore::open(directory.path());
    if (!store) FAIL(store.error().context);
    std::vector<bool> found(25);
    const auto summary = (*store)->journal().scan_windows(
        WallTime{}, WallTime::max(), [&](const JournalEntry& each) {
          CHECK_FALSE(found.at(each.sequence));
          found.at(each.sequence) = true;
          return each == numbered_entry(each.sequence);
        });
    REQUIRE(summary);
    CHECK(summary->damaged == 0);
    for (std::uint64_t number = 1; number <= worked.acknowledged; ++number) CHECK(found[number]);
    // The store does not go on behind it: a log with a hole in it proves nothing.
    CHECK(worked.acknowledged_after == 0);
  }
  CHECK(any_failed);
}

}  // namespace
}  // namespace faultline::store
