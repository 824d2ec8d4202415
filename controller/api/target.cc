#include "controller/api/target.h"

#include <charconv>

#include <fmt/format.h>

namespace faultline::api {
namespace {

// The part of `text` before `separator`, which is removed with it.
std::string_view take_until(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const auto part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

Status parse_query(std::string_view text, Target& target) {
  while (!text.empty()) {
    auto value = take_until(text, '&');
    const auto name = percent_decode(take_until(value, '='));
    const auto decoded = percent_decode(value);
    if (!name || !decoded) return fail(ErrorCode::kInvalid, "bad percent escape in the query");
    if (!target.query.emplace(*name, *decoded).second) {
      return fail(ErrorCode::kInvalid, fmt::format("query parameter '{}' is given twice", *name));
    }
  }
  return {};
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const auto* digits = text.data() + i + 1;
    const auto [end, error] = std::from_chars(digits, digits + 2, value, 16);
    if (error != std::errc{} || end != digits + 2) return std::nullopt;
    result += static_cast<char>(value);
    i += 2;
  }
  return result;
}

Result<Target> parse_target(std::string_view text) {
  Target target;
  auto path = take_until(text, '?');
  if (path.empty() || path.front() != '/') {
    return fail(ErrorCode::kInvalid, "the request target must begin with '/'");
  }
  path.remove_prefix(1);
  while (!path.empty()) {
    const auto segment = percent_decode(take_until(path, '/'));
    if (!segment) return fail(ErrorCode::kInvalid, "bad percent escape in the path");
    target.segments.push_back(*segment);
  }
  FAULTLINE_TRY_STATUS(parse_query(text, target));
  return target;
}

}  // namespace faultline::api
