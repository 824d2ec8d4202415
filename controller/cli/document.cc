#include "controller/cli/document.h"

namespace faultline::cli {

const Json& member(const Json& object, const char* key) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::optional<double> number(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

std::string text(const Json& object, const char* key) {
  const auto& value = member(object, key);
  if (value.is_string()) return value.get<std::string>();
  return value.is_null() ? "-" : value.dump();
}

std::uint64_t count(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

bool flag(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_boolean() && value.get<bool>();
}

std::string joined(const Json& object, const char* key, const char* separator) {
  std::string result;
  for (const auto& item : member(object, key)) {
    if (!result.empty()) result += separator;
    result += item.is_string() ? item.get<std::string>() : item.dump();
  }
  return result.empty() ? "-" : result;
}

}  // namespace faultline::cli
