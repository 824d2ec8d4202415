// What a published schema demands of a JSON document, in the part of JSON Schema that the
// receivers' documents use: type, enum, required, properties, additionalProperties, items,
// minItems, maxItems, minLength, maxLength, pattern.
#pragma once

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace faultline::notify {

using Json = nlohmann::json;
using Violations = std::vector<std::string>;

inline bool has_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "number") return value.is_number();
  if (type == "null") return value.is_null();
  return type == "boolean" && value.is_boolean();
}

// `types`: one, or a list of which one will do.
inline bool has_type(const Json& value, const Json& types) {
  if (types.is_string()) return has_type(value, types.get_ref<const std::string&>());
  return std::ranges::any_of(types, [&](const Json& type) { return has_type(value, type); });
}

inline void check_json(const Json& rules, const Json& value, const std::string& at,
                       Violations& found);

// In characters of UTF-8, as JSON Schema counts.
inline std::size_t length_of(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }));
}

inline void check_string(const Json& rules, const std::string& text, const std::string& at,
                         Violations& found) {
  const auto length = length_of(text);
  if (length > rules.value("maxLength", length)) found.push_back(at + " is too long");
  if (length < rules.value("minLength", std::size_t{0})) found.push_back(at + " is too short");
  if (rules.contains("pattern") &&
      !std::regex_search(text, std::regex(rules["pattern"].get<std::string>()))) {
    found.push_back(at + " does not match its pattern: " + text);
  }
}

inline void check_object(const Json& rules, const Json& value, const std::string& at,
                         Violations& found) {
  for (const auto& name : rules.value("required", Json::array())) {
    if (!value.contains(name.get<std::string>())) {
      found.push_back(at + " has no " + name.get<std::string>());
    }
  }
  const auto properties = rules.value("properties", Json::object());
  for (const auto& [name, member] : value.items()) {
    if (properties.contains(name)) {
      check_json(properties[name], member, at + "/" + name, found);
    } else if (rules.contains("additionalProperties") &&
               rules["additionalProperties"].is_object()) {
      check_json(rules["additionalProperties"], member, at + "/" + name, found);
    } else if (!rules.value("additionalProperties", true)) {
      found.push_back(at + " may not have " + name);
    }
  }
}

inline void check_json(const Json& rules, const Json& value, const std::string& at,
                       Violations& found) {
  if (rules.contains("type") && !has_type(value, rules["type"])) {
    return found.push_back(at + " is no " + rules["type"].dump());
  }
  if (rules.contains("enum") &&
      std::find(rules["enum"].begin(), rules["enum"].end(), value) == rules["enum"].end()) {
    found.push_back(at + " is none of those allowed: " + value.dump());
  }
  if (value.is_string()) check_string(rules, value.get<std::string>(), at, found);
  if (value.is_object()) check_object(rules, value, at, found);
  if (!value.is_array()) return;
  if (value.size() < rules.value("minItems", std::size_t{0})) found.push_back(at + " is too short");
  if (value.size() > rules.value("maxItems", value.size())) found.push_back(at + " is too long");
  if (!rules.contains("items")) return;
  for (std::size_t i = 0; i < value.size(); ++i) {
    check_json(rules["items"], value[i], at + "/" + std::to_string(i), found);
  }
}

[[nodiscard]] inline Violations violations(const Json& rules, const Json& value) {
  Violations found;
  check_json(rules, value, "", found);
  return found;
}

}  // namespace faultline::notify
