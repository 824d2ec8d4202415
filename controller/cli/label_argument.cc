#include "controller/cli/label_argument.h"

#include <fmt/format.h>

#include "common/model/node.h"

namespace faultline::cli {

Outcome<Json> parse_labels(const std::vector<std::string>& typed) {
  Json labels = Json::object();
  for (const auto& text : typed) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) {
      return usage(fmt::format("--label: '{}' is not KEY=VALUE, such as rack=r17", text));
    }
    const auto key = text.substr(0, equals);
    const auto value = text.substr(equals + 1);
    if (const auto valid = validate_labels({{key, value}}); !valid) {
      return usage(fmt::format("--label: {}", valid.error().context));
    }
    if (labels.contains(key)) return usage(fmt::format("--label: {} is given twice", key));
    labels[key] = value;
  }
  return labels;
}

std::string labels_text(const Json& labels) {
  std::string shown;
  for (const auto& [key, value] : labels.items()) {
    shown += fmt::format("{}{}={}", shown.empty() ? "" : " ", key, text(labels, key.c_str()));
  }
  return shown.empty() ? "-" : shown;
}

}  // namespace faultline::cli
