// `faultline diagnose` on this side of the API: recorded inputs, snapshots in a folder, and a
// cloud's description joined with what was measured. Thread safety: none (files).
#pragma once

#include <string>

#include "controller/cli/failure.h"
#include "controller/diagnose/inputs.h"

namespace faultline::cli {

// A file that --record wrote.
[[nodiscard]] Outcome<diagnose::Inputs> read_inputs(const std::string& file);
// Of an answer of the API.
[[nodiscard]] Outcome<diagnose::Inputs> parse_inputs(const std::string& text,
                                                     const std::string& what);
[[nodiscard]] Outcome<void> write_inputs(const diagnose::Inputs& inputs, const std::string& file);
// Only what the snapshots (NODE.json) of the folder say of the two.
[[nodiscard]] Outcome<diagnose::Inputs> inputs_of_folder(const std::string& folder,
                                                         diagnose::Question question,
                                                         const std::string& a,
                                                         const std::string& b);
// Adds what the cloud's description in the folder says of the pair.
[[nodiscard]] Outcome<void> add_cloud(const std::string& folder, diagnose::Inputs& inputs);

}  // namespace faultline::cli
