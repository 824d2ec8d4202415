// A program for kill_test.cc: appends from the sequence given on, a few entries and the dedup row
// at a time, seals what is older than two blocks meanwhile, and says on stdout what is
// acknowledged, until it is killed.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "controller/store/rocks_store.h"
#include "tests/integration/controller/store/numbered_reports.h"

namespace faultline::store {
namespace {

int run(const char* directory, std::uint64_t next) {
  auto store = RocksStore::open(directory);
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().context.c_str());
    return 1;
  }
  for (;; next += 3) {
    const std::vector<JournalEntry> entries{numbered_entry(next), numbered_entry(next + 1),
                                            numbered_entry(next + 2)};
    const ingest::DedupRow row{NodeId{1}, BootId{1001}, {{1, next + 2}}, WallTime{}};
    if (!(*store)->journal().append(entries, std::vector{row})) return 1;
    const auto sealed = (*store)->journal().seal_slice(numbered_window(next) - 2 * kBlockSpan);
    if (!sealed) return 1;
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
