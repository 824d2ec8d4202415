// A spool directory that goes away with the test, and short forms of what tests do with a spool.
#pragma once

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "probe/spool/spool.h"
#include "tests/support/catch.h"

namespace faultline::spool {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    // In memory where there is such a place: what is tested is not how long a sync takes.
    std::filesystem::path parent = "/dev/shm";
    if (!std::filesystem::is_directory(parent)) parent = std::filesystem::temp_directory_path();
    std::string pattern = (parent / "faultline-spool-XXXXXX").string();
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
  // Oldest first.
  [[nodiscard]] std::vector<std::filesystem::path> segments() const {
    std::vector<std::filesystem::path> found;
    for (const auto& file : std::filesystem::directory_iterator{path_}) {
      if (file.path().extension() == ".spool") found.push_back(file.path());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

 private:
  std::filesystem::path path_;
};

inline std::unique_ptr<Spool> open_spool(const std::filesystem::path& directory,
                                         std::uint64_t size_max = kSpoolSizeMin) {
  auto spool = Spool::open(directory, size_max);
  if (!spool) FAIL(spool.error().context);
  return std::move(*spool);
}

inline std::vector<std::byte> payload(std::uint64_t number, std::size_t size = 100) {
  return std::vector<std::byte>(size, static_cast<std::byte>(number * 31 + 7));
}

// The batch that append(boot, payload(sequence)) makes.
inline Batch batch(BootId boot, std::uint64_t sequence, std::size_t size = 100) {
  return {boot, sequence, sequence, 0, payload(sequence, size)};
}

inline void append(Spool& spool, BootId boot, std::uint64_t sequence, std::size_t size = 100,
                   std::uint64_t results = 10) {
  const auto given = spool.append(boot, payload(sequence, size), results);
  REQUIRE(given.has_value());
  REQUIRE(*given == sequence);
}

inline std::vector<Batch> read_all(Spool& spool, SpoolCursor cursor = {}, std::size_t step = 7) {
  std::vector<Batch> all;
  for (;;) {
    auto read = spool.unacknowledged(cursor, step);
    if (!read) FAIL(read.error().context);
    if (read->batches.empty()) return all;
    REQUIRE(read->batches.size() <= step);
    REQUIRE(cursor < read->next);
    cursor = read->next;
    for (Batch& each : read->batches) all.push_back(std::move(each));
  }
}

inline void release(Spool& spool, BootId boot, std::uint64_t first, std::uint64_t last) {
  spool.release(boot, std::vector<SequenceInterval>{{first, last}});
}

}  // namespace faultline::spool
