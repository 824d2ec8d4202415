// Check: reads everything that is stored, verifies every checksum and decodes every value, and says
// by key what is damaged. Reads only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "controller/store/database.h"
#include "controller/store/rocks_store.h"

namespace faultline::store {

// `on_progress` is told of each column family before it is read; an Error of it ends the check.
[[nodiscard]] Result<std::vector<CheckedTier>> check_all(
    const Database& database, const std::function<Status(const std::string& family)>& on_progress);

}  // namespace faultline::store
