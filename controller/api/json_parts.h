// For the sources of this folder that make JSON documents: what all of them do alike. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/time.h"

namespace faultline::api {

using Json = nlohmann::ordered_json;  // members in the order of openapi.yaml

// Text from outside may hold anything; a reader must still get valid UTF-8.
inline std::string text(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Null where nothing was measured, or there is nothing to tell.
template <typename Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json();
}
inline Json or_null(const std::optional<WallTime>& time) {
  return time ? Json(format_rfc3339(*time)) : Json();
}
inline Json or_null(const std::string& value) { return value.empty() ? Json() : Json(value); }

// `json` makes an object of each.
template <typename View>
Json list(const std::vector<View>& views, Json (*json)(const View&)) {
  auto result = Json::array();
  for (const auto& view : views) result.push_back(json(view));
  return result;
}

}  // namespace faultline::api
