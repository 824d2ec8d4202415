// `faultline localize --bundle FILE`: the controller's localizer on a text bundle, without a
// controller.
#pragma once

#include <string>

#include "controller/cli/failure.h"

namespace faultline::cli {

struct OfflineOptions {
  std::string file;     // "-" for standard input
  std::string at;       // as typed; empty: the newest window of the bundle
  std::string horizon;  // as typed; empty: the whole bundle
  std::uint32_t suspects_max = 64;
};

// The document "faultline.localize/1". What the user should hear of the bundle goes to stderr.
[[nodiscard]] Outcome<std::string> localize_offline(const OfflineOptions& options);

}  // namespace faultline::cli
