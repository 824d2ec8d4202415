// A data directory that goes away with the test, and builders for what is stored in it.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "controller/store/rocks_store.h"
#include "tests/support/catch.h"

namespace faultline::store {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "faultline-store-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::unique_ptr<RocksStore> open_store(const std::filesystem::path& directory) {
  auto store = RocksStore::open(directory);
  if (!store) FAIL(store.error().context);
  return std::move(*store);
}

// A 10 s window after 2026-11-22T03:00:00Z.
inline WallTime window(std::int64_t number) {
  return wall_time_from_unix_seconds(1'795'316'400 + 10 * number);
}

inline JournalEntry entry(std::uint32_t node, std::uint64_t sequence,
                          std::size_t payload_bytes = 8) {
  return {NodeId{node},
          BootId{1000 + node},
          sequence,
          sequence,
          0,
          window(static_cast<std::int64_t>(sequence)),
          std::vector<std::byte>(payload_bytes, static_cast<std::byte>(sequence))};
}

inline std::vector<JournalEntry> all_entries(RocksStore& store, WallTime from = window(-1'000'000),
                                             WallTime to = window(1'000'000)) {
  std::vector<JournalEntry> found;
  const auto summary = store.journal().scan_windows(from, to, [&](const JournalEntry& each) {
    found.push_back(each);
    return true;
  });
  REQUIRE(summary.has_value());
  CHECK(summary->damaged == 0);
  CHECK(summary->visited == found.size());
  return found;
}

inline void flip_byte(const std::filesystem::path& file, double position) {
  std::fstream stream{file, std::ios::in | std::ios::out | std::ios::binary};
  const auto offset =
      static_cast<std::streamoff>(position * static_cast<double>(std::filesystem::file_size(file)));
  stream.seekg(offset);
  const int byte = stream.get();
  stream.seekp(offset);
  stream.put(static_cast<char>(byte ^ 0x10));
}

}  // namespace faultline::store
