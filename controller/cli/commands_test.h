// The commands that order tests from nodes. As commands.h says.
#pragma once

#include <cstdint>
#include <string>

#include "controller/cli/commands.h"

namespace faultline::cli {

// test ping, port, mtu, trace, list
void add_test_commands(CLI::App& app, Context& context);
// All paths between two nodes, by `flows` source ports, explored now.
[[nodiscard]] Outcome<ExitCode> explore_paths(Context& context, const std::string& source,
                                              const std::string& target, std::uint16_t flows);

}  // namespace faultline::cli
