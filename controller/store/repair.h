// Repair: tables that cannot be used at all, because they are cut, gone or have lost their index,
// and how a store goes on without them.
//
// Why it exists: RocksDB opens a store only when every table is as long as it was written, so one
// file that a file system has cut stops the controller, though all others are good. RocksDB's own
// RepairDB would bring removed keys back and forget which level a table belongs to; recovery by
// best effort goes back to before the file was made, in all families. Here the manifest loses the
// one table, and nothing else changes: the write-ahead log and all other tables stay.
//
// Removals that the table held come back to life with what they removed. Of results that is
// harmless: a report that was sealed already is known by its node's block (sealer.h), and what was
// too old is dropped again. Of other families it is not, so they are refused.
//
// No controller may have the store open: kConflict. Blocks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace faultline::store {

struct UnusableFile {
  std::string name;         // "000015.sst"
  std::string tier;         // of the column family
  std::uint64_t bytes = 0;  // when it was whole
  std::string first;        // its keys, in words
  std::string last;
  std::string why;
  bool results_only = false;  // a store can go on without it

  bool operator==(const UnusableFile&) const = default;
};
// "000015.sst (windows, 2.1 MB): ... ; it held window ... to window ..."
[[nodiscard]] std::string to_string(const UnusableFile& file);

// By name. Reads the manifest and the index of each table; changes nothing.
[[nodiscard]] Result<std::vector<UnusableFile>> unusable_files(
    const std::filesystem::path& directory);

// Takes them out of the store; what is left of each is kept in the directory `aside`. What only
// they held is lost. kUnsupported, and nothing is done, when one holds more than results.
[[nodiscard]] Result<std::vector<UnusableFile>> leave_out_unusable(
    const std::filesystem::path& directory, const std::filesystem::path& aside);

}  // namespace faultline::store
