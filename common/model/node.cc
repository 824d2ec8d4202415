#include "common/model/node.h"

#include <algorithm>

#include <fmt/format.h>

namespace faultline {
namespace {

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_printable_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

std::string_view to_string(NodeKind kind) { return kind == NodeKind::kVm ? "vm" : "host"; }

std::optional<NodeKind> parse_node_kind(std::string_view text) {
  if (text == "host") return NodeKind::kHost;
  if (text == "vm") return NodeKind::kVm;
  return std::nullopt;
}

Status validate_name(std::string_view name) {
  const bool shape_ok = !name.empty() && name.size() <= kNameLengthMax &&
                        is_alphanumeric(name.front()) && std::ranges::all_of(name, [](char c) {
                          return is_alphanumeric(c) || c == '.' || c == '-' || c == '_';
                        });
  if (shape_ok) return {};
  return fail(ErrorCode::kInvalid,
              fmt::format("a name is 1 to {} letters, digits, '.', '-' or '_' and begins with a "
                          "letter or digit; this one is {} bytes long{}",
                          kNameLengthMax, name.size(),
                          is_printable_ascii(name) && name.size() <= kNameLengthMax
                              ? fmt::format(": \"{}\"", name)
                              : std::string()));
}

Status validate_labels(const Labels& labels) {
  if (labels.size() > kLabelsMax) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{} labels, at most {}", labels.size(), kLabelsMax));
  }
  for (const auto& [key, value] : labels) {
    FAULTLINE_TRY_STATUS(validate_name(key));
    if (value.size() > kNameLengthMax || !is_printable_ascii(value)) {
      return fail(
          ErrorCode::kInvalid,
          fmt::format("label {} has a value longer than {} bytes or with control characters", key,
                      kNameLengthMax));
    }
  }
  return {};
}

}  // namespace faultline
