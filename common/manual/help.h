// --help from the facts, and --print-manual.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "common/manual/facts.h"

namespace faultline::manual {

// The end of --help: sections and examples.
[[nodiscard]] std::string footer(const Facts& facts);

// Sets the program's description and footer, and adds the hidden flag that prints the man page and
// ends the parsing with CLI::CallForVersion (exit code 0).
void describe(CLI::App& app, const Facts& facts);

}  // namespace faultline::manual
