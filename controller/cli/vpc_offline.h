// `faultline vpc`: reads the folder of a snapshot and asks controller/vpc; needs no controller.
#pragma once

#include <string>

#include "controller/cli/failure.h"
#include "controller/vpc/importer.h"
#include "controller/vpc/reach.h"

namespace faultline::cli {

// What the files of the folder and below it describe.
[[nodiscard]] Outcome<vpc::Import> import_cloud(const std::string& folder);
// The documents "faultline.vpc_check/1" and "faultline.vpc_reach/1". Every file in the folder and
// below it is read.
[[nodiscard]] Outcome<std::string> vpc_check(const std::string& folder);
[[nodiscard]] Outcome<std::string> vpc_reach(const std::string& folder,
                                             const vpc::Question& question);

// "32768-60999" or "40000".
[[nodiscard]] Outcome<vpc::PortRange> parse_port_range(const std::string& text);

}  // namespace faultline::cli
