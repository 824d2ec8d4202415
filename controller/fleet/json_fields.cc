#include "controller/fleet/json_fields.h"

namespace faultline::fleet::json_fields {

std::string text_of(const Json& json, const char* key) {
  const auto& value = json.at(key);
  if (!value.is_string()) throw BadRecord{fmt::format("{} is not a string", key)};
  return value.get<std::string>();
}

WallTime time_of(const Json& json, const char* key) {
  const auto time = parse_rfc3339(text_of(json, key));
  if (!time) throw BadRecord{fmt::format("{} is not an RFC 3339 time", key)};
  return *time;
}

PublicKey key_of(const Json& json, const char* key) {
  const auto parsed = parse_public_key(text_of(json, key));
  if (!parsed) throw BadRecord{fmt::format("{} is not 64 hex digits", key)};
  return *parsed;
}

}  // namespace faultline::fleet::json_fields
