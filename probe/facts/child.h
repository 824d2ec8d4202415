// run_child: a program's output, bounded in time and size. For tools that are the only way to a
// fact.
//
// Thread safety: may be called on any thread; blocks it until the program ends or is ended.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace faultline::probe_facts {

struct ChildLimits {
  Duration patience = std::chrono::seconds{3};
  std::size_t output_max = 4 << 20;  // bytes
};

struct ChildOutput {
  std::string text{};
  Duration processor_time{};
};

// Found along the system's own folders, never the environment's PATH. kNotFound: not installed;
// kDenied: it ended with a failure, whose first line is told; kLimit: too slow or too much.
[[nodiscard]] Result<ChildOutput> run_child(const std::vector<std::string>& command,
                                            const ChildLimits& limits);

}  // namespace faultline::probe_facts
