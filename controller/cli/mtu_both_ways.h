// Two MTU tests between two nodes, one from either end, as one document: which way is it that large
// packets do not pass?
//
// Why it exists: an answer says nothing of the way that it takes itself. A small answer to a large
// packet proves the way there; who wants to know the way back asks the far end to do the same. No
// reply is ever larger than its request, so this amplifies nothing.
//
// Thread safety: pure.
#pragma once

#include <string>

#include "controller/cli/document.h"
#include "controller/cli/table.h"

namespace faultline::cli {

inline constexpr const char* kMtuBothWaysSchema = "faultline.mtu_both_ways/1";

// `there` and `back` are reports ("faultline.test/1") of `near`'s test of the way to `far` and of
// `far`'s to `near`.
[[nodiscard]] Json mtu_both_ways(const std::string& near, const std::string& far, const Json& there,
                                 const Json& back);
[[nodiscard]] std::string render_mtu_both_ways(const Json& document, const Style& style);

}  // namespace faultline::cli
