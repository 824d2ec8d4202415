// The exit codes of every command, documented in --help. Scripts depend on them.
#pragma once

namespace faultline::cli {

enum class ExitCode : int {
  kHealthy = 0,  // or simply done, for commands that judge nothing
  kFaultFound = 1,
  kInconclusive = 2,
  kUsage = 3,  // bad arguments or bad input
  kUnreachable = 4,
  kDenied = 5,
};

}  // namespace faultline::cli
