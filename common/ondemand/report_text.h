// The document "faultline.test/1" as text for a person. README.md says what is in it.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace faultline::ondemand {

inline constexpr std::string_view kReportSchema = "faultline.test/1";
inline constexpr std::size_t kReportBytesMax = 512 << 10;

// Several lines, ending with a newline. A document with fields missing is told as far as it goes.
[[nodiscard]] std::string to_text(const nlohmann::ordered_json& report);
// 0 ok, 1 fault found, 2 inconclusive: the exit codes of the command line.
[[nodiscard]] int exit_code(const nlohmann::ordered_json& report);

}  // namespace faultline::ondemand
