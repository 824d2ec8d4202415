#include "controller/localize/bundle_fields.h"

#include <cmath>
#include <limits>

#include "controller/localize/bundle.h"

namespace faultline::localize {
namespace {

constexpr double kTimeMax = 1e11;  // seconds; the year 5138

// C0, DEL, and C1 as UTF-8 writes it (0xC2 0x80 to 0xC2 0x9F): all that a terminal obeys. The JSON
// parser lets well-formed UTF-8 through only.
bool has_control_characters(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      return true;
    }
  }
  return false;
}

}  // namespace

Status check_limit(std::size_t count, std::size_t max, const char* what) {
  if (count <= max) return {};
  return fail(ErrorCode::kLimit, "more than " + std::to_string(max) + " " + what);
}

const BundleJson* member(const BundleJson& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

Result<std::string_view> text(const BundleJson& value, const char* what) {
  const auto* string = value.get_ptr<const std::string*>();
  if (string == nullptr || string->empty()) {
    return invalid(std::string(what) + " must be a text that is not empty");
  }
  if (string->size() > kBundleIdBytesMax) {
    return fail(ErrorCode::kLimit, std::string(what) + " is longer than " +
                                       std::to_string(kBundleIdBytesMax) + " bytes");
  }
  if (has_control_characters(*string)) {
    return invalid(std::string(what) + " must not contain control characters");
  }
  return std::string_view(*string);
}

Result<std::string_view> required_text(const BundleJson& object, const char* key) {
  const BundleJson* value = member(object, key);
  if (value == nullptr) return invalid("'" + std::string(key) + "' is missing");
  return text(*value, key);
}

Result<std::string_view> optional_text(const BundleJson& object, const char* key) {
  const BundleJson* value = member(object, key);
  if (value == nullptr) return std::string_view{};
  return text(*value, key);
}

Result<std::uint64_t> count(const BundleJson& object, const char* key, std::uint64_t max) {
  const BundleJson* value = member(object, key);
  if (value == nullptr) return 0;
  const double number = value->is_number() ? value->get<double>() : -1;
  if (!(number >= 0 && number <= static_cast<double>(max)) || number != std::floor(number)) {
    return invalid("'" + std::string(key) + "' must be a whole number from 0 to " +
                   std::to_string(max));
  }
  return static_cast<std::uint64_t>(number);
}

Result<std::int64_t> time(const BundleJson& object) {
  const BundleJson* value = member(object, "t");
  if (value == nullptr) return kNoTime;
  const double number = value->is_number() ? value->get<double>() : -1;
  if (!(number >= 0 && number <= kTimeMax)) return invalid("'t' must be seconds since the epoch");
  return static_cast<std::int64_t>(std::floor(number));
}

float number_or_nan(const BundleJson& object, const char* key) {
  const BundleJson* value = member(object, key);
  return value != nullptr && value->is_number() ? value->get<float>()
                                                : std::numeric_limits<float>::quiet_NaN();
}

}  // namespace faultline::localize
