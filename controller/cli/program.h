// The program `faultline`: parses the command line, runs one command, and says what went wrong.
#pragma once

namespace faultline::cli {

// The process's exit code (exit_code.h). stdout carries data only: the answer, or with -o json one
// error document; sentences go to stderr.
[[nodiscard]] int run(int argc, const char* const* argv);

}  // namespace faultline::cli
