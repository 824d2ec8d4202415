// `faultline-controller store check|stats|compact`: the store of a controller that does not run.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/result.h"

namespace faultline::admin {

// Reads all of it and verifies every checksum. An Error (kCorrupt) that lists the damage by key, or
// one line that says how much was read.
[[nodiscard]] Result<std::string> check_store(const std::filesystem::path& data_dir);
// A line for each tier: what it takes, and since when.
[[nodiscard]] Result<std::string> store_stats(const std::filesystem::path& data_dir);
// Rewrites it in its smallest form. What was not sealed yet stays as it is.
[[nodiscard]] Result<std::string> compact_store(const std::filesystem::path& data_dir);

}  // namespace faultline::admin
