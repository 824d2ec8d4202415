// Members of a stored record, read from JSON with their checks. Internal to this folder.
//
// What does not fit throws BadRecord, which parse() turns into an Error: the one boundary with
// nlohmann's exceptions. Thread safety: pure.
#pragma once

#include <concepts>
#include <limits>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/model/ids.h"

namespace faultline::fleet::json_fields {

using Json = nlohmann::json;

inline constexpr int kRecordVersion = 1;

// What a record lacks or holds wrongly.
struct BadRecord {
  std::string problem;
};

[[nodiscard]] std::string text_of(const Json& json, const char* key);
[[nodiscard]] WallTime time_of(const Json& json, const char* key);
[[nodiscard]] PublicKey key_of(const Json& json, const char* key);

template <std::unsigned_integral T>
[[nodiscard]] T number_of(const Json& json, const char* key) {
  const auto& value = json.at(key);
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > std::numeric_limits<T>::max()) {
    throw BadRecord{fmt::format("{} is not a number up to {}", key, std::numeric_limits<T>::max())};
  }
  return value.get<T>();
}

template <typename Record>
[[nodiscard]] Result<Record> parse(std::string_view what, std::string_view text,
                                   Record (*convert)(const Json&)) {
  try {
    const auto json = Json::parse(text);
    if (number_of<std::uint32_t>(json, "version") != kRecordVersion) {
      throw BadRecord{"its version is not known to this build"};
    }
    return convert(json);
  } catch (const BadRecord& bad) {
    return fail(ErrorCode::kCorrupt, fmt::format("stored {} record: {}", what, bad.problem));
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kCorrupt, fmt::format("stored {} record: {}", what, error.what()));
  }
}

}  // namespace faultline::fleet::json_fields
