// A long answer of the controller, to stdout or into a file as it comes: bundles, exports.
#pragma once

#include <string>

#include "controller/cli/context.h"

namespace faultline::cli {

// The file appears when it is complete, and then a document of `schema` says so, with its bytes.
// Without a file the answer goes to stdout: what ends early there is told by the exit code alone.
[[nodiscard]] Outcome<ExitCode> save_answer(Context& context, const std::string& target,
                                            const std::string& file, const std::string& schema);

}  // namespace faultline::cli
