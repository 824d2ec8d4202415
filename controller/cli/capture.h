// The command `capture` and its document, for program.cc and render.cc.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "controller/cli/context.h"
#include "controller/cli/document.h"
#include "controller/cli/table.h"

namespace faultline::cli {

void add_capture_command(CLI::App& app, Context& context);
[[nodiscard]] std::string render_capture(const Json& document, const Style& style);

}  // namespace faultline::cli
