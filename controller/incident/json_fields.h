// Reading and writing the members of stored records, for the sources of this folder only.
//
// What a record lacks or holds wrongly is thrown as BadRecord and caught in incident_from_json()
// and silence_from_json(), the boundaries with nlohmann's exceptions.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/base/time.h"
#include "controller/incident/incident.h"

namespace faultline::incident {

using Json = nlohmann::json;

struct BadRecord {
  std::string problem;
};

inline std::string text_of(const Json& json, const char* key) {
  const auto& value = json.at(key);
  if (!value.is_string()) throw BadRecord{fmt::format("{} is not a string", key)};
  return value.get<std::string>();
}

inline const Json& list_of(const Json& json, const char* key) {
  const auto& value = json.at(key);
  if (!value.is_array()) throw BadRecord{fmt::format("{} is not a list", key)};
  return value;
}

inline std::vector<std::string> texts_of(const Json& json, const char* key) {
  std::vector<std::string> texts;
  for (const auto& value : list_of(json, key)) {
    if (!value.is_string()) throw BadRecord{fmt::format("{} holds more than strings", key)};
    texts.push_back(value.get<std::string>());
  }
  return texts;
}

template <std::unsigned_integral T>
T count_of(const Json& json, const char* key) {
  const auto& value = json.at(key);
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > std::numeric_limits<T>::max()) {
    throw BadRecord{fmt::format("{} is not a count", key)};
  }
  return value.get<T>();
}

inline double ratio_of(const Json& json, const char* key) {
  const auto& value = json.at(key);
  if (!value.is_number() || !(value.get<double>() >= 0 && value.get<double>() <= 1)) {
    throw BadRecord{fmt::format("{} is not between 0 and 1", key)};
  }
  return value.get<double>();
}

inline bool flag_of(const Json& json, const char* key) {
  const auto& value = json.at(key);
  if (!value.is_boolean()) throw BadRecord{fmt::format("{} is neither true nor false", key)};
  return value.get<bool>();
}

// What is written must be readable: no NaN, nothing a rounding error past 1.
inline double written(double ratio) { return ratio >= 0 ? std::min(ratio, 1.0) : 0; }

inline WallTime time_of(const Json& json, const char* key) {
  const auto time = parse_rfc3339(text_of(json, key));
  if (!time) throw BadRecord{fmt::format("{} is not an RFC 3339 time", key)};
  return *time;
}

inline std::optional<WallTime> optional_time_of(const Json& json, const char* key) {
  if (json.at(key).is_null()) return std::nullopt;
  return time_of(json, key);
}

inline Json time_or_null(const std::optional<WallTime>& time) {
  return time ? Json(format_rfc3339(*time)) : Json();
}

template <typename Enum, std::size_t kCount>
Enum choice_of(const Json& json, const char* key, const std::array<Enum, kCount>& values) {
  const auto text = text_of(json, key);
  for (const auto value : values) {
    if (to_string(value) == text) return value;
  }
  throw BadRecord{fmt::format("{} is not known to this build", key)};
}

inline LabelSets label_sets_of(const Json& json, const char* key) {
  const auto& object = json.at(key);
  if (!object.is_object()) throw BadRecord{fmt::format("{} is not an object", key)};
  LabelSets sets;
  for (const auto& [name, values] : object.items()) sets[name] = texts_of(object, name.c_str());
  return sets;
}

inline std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// What `read` makes of the text; kCorrupt, about a stored `what`, when it throws.
template <typename Read>
auto read_record(std::string_view text, std::string_view what, int version, Read read)
    -> Result<decltype(read(Json()))> {
  try {
    const auto json = Json::parse(text);
    if (count_of<std::uint32_t>(json, "version") != static_cast<std::uint32_t>(version)) {
      throw BadRecord{"its version is not known to this build"};
    }
    return read(json);
  } catch (const BadRecord& bad) {
    return fail(ErrorCode::kCorrupt, fmt::format("stored {}: {}", what, bad.problem));
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kCorrupt, fmt::format("stored {}: {}", what, error.what()));
  }
}

}  // namespace faultline::incident
