// `faultline-probe check`: whether a probe can do its work on this machine, before or while it
// does: configuration, ports, what each kind of test needs, kernel settings, clock, MTU, and the
// way to its controllers. Changes nothing and sends nothing but the opening of a connection to each
// controller.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace faultline::probe_app {

struct CheckItem {
  enum class Grade : std::uint8_t { kOk, kWarn, kFail };
  Grade grade = Grade::kOk;
  std::string_view what;  // "ports"
  std::string text;       // what was found; what to do about it where it is not well
};

// Prints one line for each item and a verdict, or one JSON document, and returns the exit code: 0,
// also with warnings, or 1.
[[nodiscard]] int run_check(const std::filesystem::path& config_file, bool json);

}  // namespace faultline::probe_app
