// `faultline check --facts FOLDER`: the controller's rules on snapshot files, without a controller.
#pragma once

#include <string>
#include <vector>

#include "controller/cli/failure.h"
#include "controller/diagnose/finding.h"

namespace faultline::cli {

// The document "faultline.check/1". Snapshots are the folder's *.json; a node's name is the member
// "node", or what the file is called before '@': h1.json, h1@2.json. Of several of one node the
// newest two are compared.
[[nodiscard]] Outcome<std::vector<diagnose::NodeFacts>> read_snapshots(const std::string& folder);
[[nodiscard]] Outcome<std::string> check_offline(const std::string& folder);

}  // namespace faultline::cli
