// `faultline-controller restore`.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/result.h"

namespace faultline::admin {

struct RestoreArguments {
  std::filesystem::path from;
  std::filesystem::path data_dir;
  bool force = false;
  bool verify_only = false;
};

// What was done, in lines for stdout.
[[nodiscard]] Result<std::string> restore_data(const RestoreArguments& arguments);

}  // namespace faultline::admin
