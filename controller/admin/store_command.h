// `faultline-controller store check|stats|compact|repair`: the store of a controller that does not
// run.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/result.h"

namespace faultline::admin {

// Reads all of it and verifies every checksum. An Error (kCorrupt) that lists the damage by key, or
// one line that says how much was read. Of a store that does not open: which tables are why.
[[nodiscard]] Result<std::string> check_store(const std::filesystem::path& data_dir);
// A line for each tier: what it takes, and since when.
[[nodiscard]] Result<std::string> store_stats(const std::filesystem::path& data_dir);
// Rewrites it in its smallest form. What was not sealed yet stays as it is.
[[nodiscard]] Result<std::string> compact_store(const std::filesystem::path& data_dir);
// Says which tables cannot be used at all and what they held; `agreed`, goes on without them, and
// keeps what is left of them beside the store. An Error (kCorrupt) lists them when nothing was
// done.
[[nodiscard]] Result<std::string> repair_store(const std::filesystem::path& data_dir, bool agreed);

}  // namespace faultline::admin
