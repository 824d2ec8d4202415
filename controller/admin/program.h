// The program `faultline-controller`: its command line, and what it runs.
#pragma once

namespace faultline::admin {

// The process's exit code: 0 done or stopped as asked, 1 with one sentence on stderr, 3 usage.
[[nodiscard]] int run(int argc, const char* const* argv);

}  // namespace faultline::admin
