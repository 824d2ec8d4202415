// The man page, in man(7) macros that groff and mandoc both take without a warning.
#pragma once

#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "common/manual/facts.h"

namespace faultline::manual {

// NAME, SYNOPSIS, DESCRIPTION, OPTIONS, COMMANDS (all that are not hidden, with their examples),
// ENVIRONMENT, the facts' sections, EXAMPLES and SEE ALSO.
[[nodiscard]] std::string to_roff(const CLI::App& app, const Facts& facts);

// Text that roff takes literally, also at the beginning of a line.
[[nodiscard]] std::string escape(std::string_view text);

}  // namespace faultline::manual
