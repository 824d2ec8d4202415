// A disk that turns read-only under a running store, as ext4 does by itself after an error
// (errors=remount-ro): what was acknowledged can be read, and nothing more is acknowledged.
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

using DiskIsReadOnly = std::atomic<bool>;

rocksdb::IOStatus refused() { return rocksdb::IOStatus::IOError("Read-only file system"); }

class WritableUntilReadOnly : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WritableUntilReadOnly(std::unique_ptr<rocksdb::FSWritableFile> file, DiskIsReadOnly& read_only)
      : FSWritableFileOwnerWrapper(std::move(file)), read_only_(read_only) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    return read_only_ ? refused() : FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& info,
                           rocksdb::IODebugContext* debug) override {
    return read_only_ ? refused() : FSWritableFileOwnerWrapper::Append(data, options, info, debug);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* debug) override {
    return read_only_ ? refused() : FSWritableFileOwnerWrapper::Sync(options, debug);
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override {
    return Sync(options, debug);
  }

 private:
  DiskIsReadOnly& read_only_;
};

class TurningReadOnly : public rocksdb::FileSystemWrapper {
 public:
  explicit TurningReadOnly(DiskIsReadOnly& read_only)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), read_only_(read_only) {}
  const char* Name() const override { return "TurningReadOnly"; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    if (read_only_) return refused();
    auto status = target()->NewWritableFile(name, options, file, debug);
    if (status.ok()) *file = std::make_unique<WritableUntilReadOnly>(std::move(*file), read_only_);
    return status;
  }
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    return read_only_ ? refused() : target()->RenameFile(from, to, options, debug);
  }
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    return read_only_ ? refused() : target()->DeleteFile(name, options, debug);
  }

 private:
  DiskIsReadOnly& read_only_;
};

std::uint64_t count_windows(RocksJournal& journal) {
  std::uint64_t count = 0;
  const auto scanned =
      journal.scan_windows(WallTime{}, WallTime::max(), [&](const JournalEntry& each) {
        ++count;
        return each == numbered_entry(each.sequence);
      });
  REQUIRE(scanned);
  CHECK(scanned->damaged == 0);
  return count;
}

TEST_CASE("a disk that turns read-only: reads go on, nothing more is acknowledged, nothing is lost",
          "[store]") {
  for (const std::uint64_t before : {1U, 9U, 40U}) {
    CAPTURE(before);
    TemporaryDirectory directory;
    DiskIsReadOnly read_only = false;
    TurningReadOnly files{read_only};
    const auto env = rocksdb::NewCompositeEnv(
        std::shared_ptr<rocksdb::FileSystem>(&files, [](rocksdb::FileSystem*) {}));
    {
      const auto database = Database::open(directory.path(), {.env = env.get()});
      REQUIRE(database);
      RocksJournal journal{**database};
      for (std::uint64_t number = 1; number <= before; ++number) {
        REQUIRE(journal.append(std::vector{numbered_entry(number)}, {}, {}));
        if (number % 8 == 0) REQUIRE((*database)->db().Flush({}, (*database)->windows()).ok());
      }
      read_only = true;
      for (std::uint64_t number = before + 1; number <= before + 3; ++number) {
        const auto appended = journal.append(std::vector{numbered_entry(number)}, {}, {});
        REQUIRE_FALSE(appended);
        CHECK(appended.error().code == ErrorCode::kUnavailable);
        CHECK_THAT(appended.error().context, Catch::Contains("Read-only file system"));
      }
      CHECK(count_windows(journal) == before);
    }
    read_only = false;  // an operator has mended the disk and starts the controller again
    auto store = RocksStore::open(directory.path());
    REQUIRE(store);
    std::uint64_t found = 0;
    REQUIRE((*store)->journal().scan_windows(WallTime{}, WallTime::max(),
                                             [&](const JournalEntry&) { return ++found > 0; }));
    CHECK(found == before);
    CHECK((*store)->journal().append(std::vector{numbered_entry(before + 1)}, {}));
  }
}

}  // namespace
}  // namespace faultline::store
