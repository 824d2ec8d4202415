// Reading members of the API's documents. A member that is missing (another version of the
// controller) or null reads as empty, and is shown as "-". Thread safety: pure.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace faultline::cli {

using Json = nlohmann::ordered_json;

// The member, or null.
[[nodiscard]] const Json& member(const Json& object, const char* key);
[[nodiscard]] std::optional<double> number(const Json& object, const char* key);
// Text as it is, numbers in digits, null and missing as "-".
[[nodiscard]] std::string text(const Json& object, const char* key);
// Whole numbers that are counts: 0 when missing.
[[nodiscard]] std::uint64_t count(const Json& object, const char* key);
[[nodiscard]] bool flag(const Json& object, const char* key);
// An array's elements joined, "-" when there are none.
[[nodiscard]] std::string joined(const Json& object, const char* key, const char* separator = ", ");

}  // namespace faultline::cli
