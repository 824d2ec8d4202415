// For the bundle reader only: single members of a record, checked. Errors are sentences without the
// line, which the reader puts in front. Thread safety: pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "common/base/result.h"

namespace faultline::localize {

using BundleJson = nlohmann::json;

[[nodiscard]] inline tl::unexpected<Error> invalid(std::string context) {
  return fail(ErrorCode::kInvalid, std::move(context));
}
[[nodiscard]] Status check_limit(std::size_t count, std::size_t max, const char* what);

// Null where it is missing or null.
[[nodiscard]] const BundleJson* member(const BundleJson& object, const char* key);
// Not empty, at most kBundleIdBytesMax, and without control characters: it ends on a terminal.
[[nodiscard]] Result<std::string_view> text(const BundleJson& value, const char* what);
[[nodiscard]] Result<std::string_view> required_text(const BundleJson& object, const char* key);
[[nodiscard]] Result<std::string_view> optional_text(const BundleJson& object, const char* key);
// A whole number from 0 to `max`, 0 where it is missing; accepts 12.0, as some writers print it.
[[nodiscard]] Result<std::uint64_t> count(const BundleJson& object, const char* key,
                                          std::uint64_t max);
// "t", or kNoTime.
[[nodiscard]] Result<std::int64_t> time(const BundleJson& object);
[[nodiscard]] float number_or_nan(const BundleJson& object, const char* key);

}  // namespace faultline::localize
