// RocksStore: Journal, Ledger and Views on one embedded RocksDB (keys.h has the layout of keys).
//
// Why one database: an append writes results, dedup rows and paths as one unit, which a shared
// write-ahead log gives for free.
//
// Thread safety: as the three interfaces say. The store must outlive every use of its parts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "controller/store/journal.h"
#include "controller/store/ledger.h"
#include "controller/store/views.h"

namespace faultline::store {

struct StoreStats {
  std::uint64_t bytes_on_disk = 0;    // tables; the write-ahead log comes on top
  std::uint64_t bytes_in_memory = 0;  // write buffers and block cache
  std::uint64_t damaged_places = 0;   // skipped by scans since the start: anything but 0 is trouble
  std::optional<WallTime> oldest_window;  // empty: there is none, or its place is damaged

  bool operator==(const StoreStats&) const = default;
};

struct TierStats {
  std::string name;  // of the column family
  std::uint64_t bytes = 0;
  std::uint64_t keys = 0;            // an estimate
  std::optional<WallTime> oldest{};  // where keys begin with a time

  bool operator==(const TierStats&) const = default;
};

struct CheckedTier {
  std::string name;
  ScanSummary summary;  // visited: keys

  bool operator==(const CheckedTier&) const = default;
};

class RocksStore {
 public:
  // Creates the directory (0700) and the database when missing. The error is one sentence for the
  // operator: kConflict when another process has it open, kDenied when it cannot be written,
  // kUnsupported when a newer version wrote it, kCorrupt when RocksDB cannot read it. Data of an
  // older format is brought to this one first, which `on_progress` is told of.
  using Progress = std::function<void(const std::string& line)>;
  [[nodiscard]] static Result<std::unique_ptr<RocksStore>> open(
      const std::filesystem::path& directory, Progress on_progress = {});
  ~RocksStore();
  RocksStore(const RocksStore&) = delete;
  RocksStore& operator=(const RocksStore&) = delete;

  [[nodiscard]] Journal& journal();
  [[nodiscard]] Ledger& ledger();
  [[nodiscard]] Views& views();
  [[nodiscard]] StoreStats stats() const;

  // What each column family takes.
  [[nodiscard]] std::vector<TierStats> tiers() const;
  // Reads everything, verifies every checksum and decodes every value; says what is damaged. Long.
  // An Error of `on_progress`, which is told of each tier before it is read, ends it.
  [[nodiscard]] Result<std::vector<CheckedTier>> check(
      const std::function<Status(const std::string& tier)>& on_progress) const;
  // Rewrites everything in its smallest form. Takes as long as reading and writing all of it.
  [[nodiscard]] Status compact();

  // A copy of this moment's store in `directory`, which must not exist: hard links where the file
  // system has them, so it costs little but keeps what is dropped meanwhile. Everything that was
  // durable before is in it. After a failure nothing is there. Blocks for a flush; any thread.
  [[nodiscard]] Status checkpoint(const std::filesystem::path& directory) const;

 private:
  struct Parts;
  explicit RocksStore(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace faultline::store
