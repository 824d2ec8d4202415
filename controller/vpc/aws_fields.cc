#include "controller/vpc/aws_fields.h"

namespace faultline::vpc::aws {
namespace {

constexpr std::size_t kQuotedBytesMax = 80;

const Json& empty_object() {
  static const Json kEmpty = Json::object();
  return kEmpty;
}

std::string in_quotes(std::string_view text) {
  return fmt::format("\"{}\"", text.substr(0, kQuotedBytesMax));
}

}  // namespace

void Reading::error(std::string_view place, std::string_view what) {
  if (mistake) return;
  mistake = Error{ErrorCode::kInvalid, fmt::format("{}: {}: {}", file, place, what)};
}

Item::Item(const Json& object, std::string place, Reading& reading)
    : object_(&object), place_(std::move(place)), reading_(&reading) {
  if (object.is_object()) return;
  reading.error(place_, "is not an object");
  object_ = &empty_object();
}

void Item::error(const char* key, std::string_view what) const {
  reading_->error(place_.empty() ? key : fmt::format("{}.{}", place_, key), what);
}

const Json* Item::member(const char* key) const {
  const auto found = object_->find(key);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

bool Item::has(const char* key) const { return member(key) != nullptr; }

std::string Item::text(const char* key) const {
  const auto* value = member(key);
  if (value == nullptr) return {};
  if (value->is_string()) return value->get<std::string>();
  error(key, "is not a text");
  return {};
}

std::string Item::id(const char* key) const {
  auto value = text(key);
  if (value.empty()) error(key, "is missing");
  return value;
}

bool Item::flag(const char* key, bool fallback) const {
  const auto* value = member(key);
  if (value == nullptr) return fallback;
  if (value->is_boolean()) return value->get<bool>();
  error(key, "is neither true nor false");
  return fallback;
}

std::optional<int> Item::number(const char* key) const {
  const auto* value = member(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_number_integer() && !(value->is_number_unsigned() && *value > 1'000'000U)) {
    const auto wide = value->get<std::int64_t>();
    if (wide >= -1 && wide <= 1'000'000) return static_cast<int>(wide);
  }
  error(key, "is not a whole number from -1 to 1000000");
  return std::nullopt;
}

std::optional<Prefix> Item::prefix(const char* key) const {
  const auto value = text(key);
  if (value.empty()) return std::nullopt;
  const auto prefix = Prefix::parse(value);
  if (!prefix) error(key, in_quotes(value) + " is not a prefix such as 10.0.0.0/16");
  return prefix;
}

std::optional<IpAddress> Item::address(const char* key) const {
  const auto value = text(key);
  if (value.empty()) return std::nullopt;
  const auto address = IpAddress::parse(value);
  if (!address) error(key, in_quotes(value) + " is not an address");
  return address;
}

std::vector<std::string> Item::texts(const char* key) const {
  const auto* value = member(key);
  std::vector<std::string> result;
  if (value == nullptr) return result;
  if (!value->is_array()) {
    error(key, "is not a list");
    return result;
  }
  for (const auto& element : *value) {
    if (element.is_string()) {
      result.push_back(element.get<std::string>());
    } else {
      error(key, "is not a list of texts");
    }
  }
  return result;
}

Item Item::child(const char* key) const {
  const auto* value = member(key);
  return {value == nullptr ? empty_object() : *value,
          place_.empty() ? key : fmt::format("{}.{}", place_, key), *reading_};
}

std::vector<Item> Item::items(const char* key) const {
  const auto* value = member(key);
  std::vector<Item> result;
  if (value == nullptr) return result;
  if (!value->is_array()) {
    error(key, "is not a list");
    return result;
  }
  const auto list = place_.empty() ? std::string{key} : fmt::format("{}.{}", place_, key);
  for (std::size_t i = 0; i < value->size(); ++i) {
    result.emplace_back((*value)[i], fmt::format("{}[{}]", list, i), *reading_);
  }
  return result;
}

std::string Item::name(const char* tags) const {
  for (const auto& tag : items(tags)) {
    if (tag.text("Key") == "Name") return tag.text("Value");
  }
  return {};
}

}  // namespace faultline::vpc::aws
