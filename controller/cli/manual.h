// What the manual of `faultline` says beside its options.
#pragma once

#include <string>

#include "common/manual/facts.h"

namespace faultline::cli {

// What the help of every sub-command ends with.
inline constexpr const char* kCommonFooter =
    "\nGlobal options (--api, -o, --timeout) and exit codes: faultline --help\n";

[[nodiscard]] manual::Facts cli_manual();

}  // namespace faultline::cli
