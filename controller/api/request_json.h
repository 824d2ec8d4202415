// For the sources of this folder that read requests: the body as JSON. Pure.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "common/base/result.h"

namespace faultline::api {

using RequestJson = nlohmann::json;

// No body is an empty object.
inline Result<RequestJson> parse_object(const std::string& body) {
  if (body.empty()) return RequestJson::object();
  auto json = RequestJson::parse(body, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::kInvalid, "the body must be a JSON object");
  return json;
}

}  // namespace faultline::api
