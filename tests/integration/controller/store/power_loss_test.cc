// The power goes: what was not synced is lost, in part or all of it. kill -9 alone proves nothing
// of that, for the page cache survives it.
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include "common/base/random.h"
#include "controller/store/rocks_journal.h"
#include "controller/store/rocks_views.h"
#include "tests/integration/controller/store/numbered_reports.h"
#include "tests/integration/controller/store/store_fixture.h"

namespace faultline::store {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// Remembers how much of each file was synced. After so many syncs the disk is gone: every write and
// sync fails.
class Power {
 public:
  explicit Power(std::uint64_t syncs) : syncs_left_(syncs) {}

  void wrote(const std::string& file) {
    const std::lock_guard lock{mutex_};
    synced_.try_emplace(file, 0);
  }
  [[nodiscard]] IOStatus sync(const std::string& file, std::uint64_t size,
                              const std::function<IOStatus()>& carry_out) {
    const std::lock_guard lock{mutex_};
    if (syncs_left_ == 0) return gone();
    --syncs_left_;
    auto status = carry_out();
    if (status.ok()) synced_[file] = size;
    return status;
  }
  void renamed(const std::string& from, const std::string& to) {
    const std::lock_guard lock{mutex_};
    if (const auto at = synced_.find(from); at != synced_.end()) {
      synced_[to] = at->second;
      synced_.erase(from);
    }
  }
  [[nodiscard]] bool is_gone() const {
    const std::lock_guard lock{mutex_};
    return syncs_left_ == 0;
  }
  static IOStatus gone() { return IOStatus::IOError("the power is gone"); }

  // What the disk holds when the power is back: of what was not synced a random part.
  void restore(Rng& rng) const {
    for (const auto& [file, synced] : synced_) {
      std::error_code missing;
      const auto size = std::filesystem::file_size(file, missing);
      if (missing || size <= synced) continue;
      std::filesystem::resize_file(file, synced + uniform_below(rng, size - synced + 1));
    }
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> synced_;  // bytes, of files that were written
  std::uint64_t syncs_left_;
};

class File : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(std::string name, std::unique_ptr<rocksdb::FSWritableFile> file, Power& power)
      : FSWritableFileOwnerWrapper(std::move(file)), name_(std::move(name)), power_(power) {}

  using FSWritableFileOwnerWrapper::Append;
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    if (power_.is_gone()) return Power::gone();
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return power_.sync(name_, GetFileSize(options, debug),
                       [&] { return FSWritableFileOwnerWrapper::Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Sync(options, debug);
  }

 private:
  std::string name_;
  Power& power_;
};

class PoweredFileSystem : public rocksdb::FileSystemWrapper {
 public:
  explicit PoweredFileSystem(Power& power)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), power_(power) {}
  const char* Name() const override { return "PoweredFileSystem"; }

  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    if (power_.is_gone()) return Power::gone();
    auto status = target()->NewWritableFile(name, options, file, debug);
    if (!status.ok()) return status;
    power_.wrote(name);
    *file = std::make_unique<File>(name, std::move(*file), power_);
    return status;
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    if (power_.is_gone()) return Power::gone();
    power_.renamed(from, to);
    return target()->RenameFile(from, to, options, debug);
  }
  IOStatus DeleteFile(const std::string& name, const IOOptions& options,
                      IODebugContext* debug) override {
    if (power_.is_gone()) return Power::gone();
    return target()->DeleteFile(name, options, debug);
  }

 private:
  Power& power_;
};

// Appends and seals from `next` on until the power goes; returns the last number acknowledged.
std::uint64_t work_until_dark(const std::filesystem::path& directory, Power& power,
                              std::uint64_t next) {
  PoweredFileSystem files{power};
  const auto env = rocksdb::NewCompositeEnv(
      std::shared_ptr<rocksdb::FileSystem>(&files, [](rocksdb::FileSystem*) {}));
  std::uint64_t acknowledged = next - 1;
  const auto database = Database::open(directory, {.env = env.get()});
  if (!database) return acknowledged;
  RocksJournal journal{**database};
  for (;; ++next) {
    const std::vector entries{numbered_entry(next)};
    if (!journal.append(entries, {}, {})) break;
    acknowledged = next;
    if (!journal.seal_slice(numbered_window(next) - 2 * kBlockSpan)) break;
    // Tables, and what they replace, are part of what may be lost.
    if (next % 16 == 0) static_cast<void>((*database)->db().Flush({}, (*database)->windows()));
  }
  return acknowledged;
}

std::uint64_t seeds() {
  const char* set = std::getenv("FAULTLINE_POWER_LOSSES");
  return set == nullptr ? 6 : std::strtoull(set, nullptr, 10);
}

TEST_CASE("after a loss of power every acknowledged report is there exactly once, sealed or not",
          "[store]") {
  for (std::uint64_t seed = 5000; seed < 5000 + seeds(); ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    TemporaryDirectory directory;
    std::uint64_t stored = 0;
    for (int loss = 0; loss < 2; ++loss) {
      Power power{20 + uniform_below(rng, 150)};
      const std::uint64_t acknowledged = work_until_dark(directory.path(), power, stored + 1);
      power.restore(rng);
      const auto store = RocksStore::open(directory.path());
      if (!store && acknowledged == 0) continue;  // it went before there was a store
      if (!store) FAIL(store.error().context);
      stored = numbers_stored((*store)->views());
      REQUIRE(stored >= acknowledged);
      REQUIRE(stored <= acknowledged + 1);  // written, and gone before that could be said
    }
  }
}

}  // namespace
}  // namespace faultline::store
