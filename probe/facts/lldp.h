// The answer of `lldpcli -f json show neighbors details` (lldpcli(8)). Thread safety: pure.
#pragma once

#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/facts/facts.h"

namespace faultline::probe_facts {

[[nodiscard]] Result<std::vector<facts::LldpNeighbor>> parse_lldp(std::string_view json);

}  // namespace faultline::probe_facts
