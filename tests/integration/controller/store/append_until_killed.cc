// A program for kill_test.cc: appends from the sequence given on, a few entries and the dedup row
// at a time, and says on stdout what is acknowledged, until it is killed.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "controller/store/rocks_store.h"

namespace faultline::store {
namespace {

JournalEntry entry(std::uint64_t sequence) {
  return {NodeId{1},
          BootId{1001},
          sequence,
          sequence,
          0,
          wall_time_from_unix_seconds(1'795'316'400 + 10 * static_cast<std::int64_t>(sequence)),
          std::vector<std::byte>(3'000, static_cast<std::byte>(sequence))};
}

int run(const char* directory, std::uint64_t next) {
  auto store = RocksStore::open(directory);
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().context.c_str());
    return 1;
  }
  for (;; next += 3) {
    const std::vector<JournalEntry> entries{entry(next), entry(next + 1), entry(next + 2)};
    const ingest::DedupRow row{NodeId{1}, BootId{1001}, {{1, next + 2}}, WallTime{}};
    if (!(*store)->journal().append(entries, std::vector{row})) return 1;
    const std::string line = std::to_string(next + 2) + "\n";
    if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) return 1;
  }
}

}  // namespace
}  // namespace faultline::store

int main(int argc, char** argv) {
  if (argc != 3) return 3;
  return faultline::store::run(argv[1], std::strtoull(argv[2], nullptr, 10));
}
