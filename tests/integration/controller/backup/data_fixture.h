// A controller's data directory with something in it, and its backup.
#pragma once

#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "common/crypto/key_file.h"
#include "controller/backup/backup.h"
#include "controller/backup/data_dir.h"
#include "controller/backup/restore.h"
#include "tests/integration/controller/store/store_fixture.h"

namespace faultline::backup {

namespace fs = std::filesystem;
using store::TemporaryDirectory;

inline constexpr WallTime kFixtureNow = wall_time_from_unix_seconds(1'795'320'000);

inline Status no_progress(std::uint64_t /*done*/, std::uint64_t /*all*/) { return {}; }

inline std::string content_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

inline void put(const fs::path& file, const std::string& content) {
  std::ofstream(file, std::ios::binary) << content;
}

// All files below a directory, by name: what must not change.
inline std::map<std::string, std::string> tree_of(const fs::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) {
      files[fs::relative(entry.path(), directory)] = content_of(entry.path());
    }
  }
  return files;
}

struct Data {
  std::vector<store::JournalEntry> entries;
  std::vector<store::LedgerDocument> nodes;
  std::string key;

  bool operator==(const Data&) const = default;
};

// Entries `first` to `last` of node 1, a node in the ledger, and a key.
inline Data make_data(const fs::path& data_dir, std::uint64_t first, std::uint64_t last) {
  fs::create_directories(data_dir);
  REQUIRE(crypto::load_or_create_key_pair(data_dir / kKeyFile));
  Data data{.entries = {}, .nodes = {}, .key = content_of(data_dir / kKeyFile)};
  const auto store = store::open_store(data_dir / kStoreFolder);
  for (auto sequence = first; sequence <= last; ++sequence) {
    data.entries.push_back(store::entry(1, sequence, 3'000));
  }
  REQUIRE(store->journal().append(data.entries, {}));
  REQUIRE(store->ledger().commit(
      std::vector<store::LedgerWrite>{{store::Table::kNodes, "1", "{\"name\":\"h1\"}", 0}}));
  data.nodes = *store->ledger().list(store::Table::kNodes);
  return data;
}

inline Data data_of(const fs::path& data_dir) {
  const auto store = store::open_store(data_dir / kStoreFolder);
  return {.entries = store::all_entries(*store),
          .nodes = *store->ledger().list(store::Table::kNodes),
          .key = content_of(data_dir / kKeyFile)};
}

// Of a data directory whose store is closed.
inline Manifest back_up(const fs::path& data_dir, const fs::path& to) {
  {
    const auto store = store::open_store(data_dir / kStoreFolder);
    REQUIRE(store->checkpoint(data_dir / kCheckpointFolder));
  }
  auto packed = pack({.data_dir = data_dir,
                      .to = to,
                      .software = "faultline-controller 0.1.0",
                      .created_at = kFixtureNow},
                     no_progress);
  fs::remove_all(data_dir / kCheckpointFolder);
  if (!packed) FAIL(packed.error().context);
  return *std::move(packed);
}

inline Result<Restored> restore_to(const fs::path& data_dir, const fs::path& from,
                                   bool force = false) {
  return restore({.from = from, .data_dir = data_dir, .force = force, .now = kFixtureNow},
                 no_progress);
}

}  // namespace faultline::backup
