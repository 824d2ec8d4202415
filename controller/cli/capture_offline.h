// `faultline capture --files`: reads what two ends captured and asks controller/capture; needs no
// controller.
#pragma once

#include <cstdint>
#include <string>

#include "controller/capture/comparison.h"
#include "controller/cli/failure.h"

namespace faultline::cli {

struct CaptureFiles {
  std::string near{};  // paths; of the end that asks, and of the one that answers
  std::string far{};
  std::uint16_t reflector_port = 862;
  std::uint16_t source_port = 0;  // 0: any
};

// The document "faultline.capture/1". The ends are called by their files' names without ending.
[[nodiscard]] Outcome<std::string> compare_files(const CaptureFiles& files);

}  // namespace faultline::cli
