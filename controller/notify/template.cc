#include "controller/notify/template.h"

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace faultline::notify {
namespace {

struct Name {
  std::string_view name;
  std::string (*value)(const Alert&);
};

std::string time_text(const std::optional<WallTime>& time) {
  return time ? format_rfc3339(*time) : std::string();
}

std::string percent_text(const std::optional<double>& ratio) {
  return ratio ? fmt::format("{:.3g} %", 100 * *ratio) : std::string();
}

constexpr std::array kNames{
    Name{"summary", [](const Alert& alert) { return alert.summary; }},
    Name{"event", [](const Alert& alert) { return std::string(to_string(alert.event)); }},
    Name{"severity", [](const Alert& alert) { return std::string(to_string(alert.severity)); }},
    Name{"incident", [](const Alert& alert) { return alert.incident; }},
    Name{"key", [](const Alert& alert) { return idempotency_key(alert); }},
    Name{"kind", [](const Alert& alert) { return alert.kind; }},
    Name{"component", [](const Alert& alert) { return alert.component; }},
    Name{"from", [](const Alert& alert) { return alert.from; }},
    Name{"to", [](const Alert& alert) { return alert.to; }},
    Name{"class", [](const Alert& alert) { return alert.fault_class; }},
    Name{"posterior", [](const Alert& alert) { return percent_text(alert.posterior); }},
    Name{"loss", [](const Alert& alert) { return percent_text(alert.loss); }},
    Name{"since", [](const Alert& alert) { return time_text(alert.since); }},
    Name{"resolved_at", [](const Alert& alert) { return time_text(alert.resolved_at); }},
    Name{"generated_at", [](const Alert& alert) { return format_rfc3339(alert.generated_at); }},
    Name{"affected_nodes",
         [](const Alert& alert) {
           return fmt::format("{}", fmt::join(alert.affected_nodes, ", "));
         }},
    Name{"affected_nodes_total",
         [](const Alert& alert) {
           return std::to_string(alert.affected_nodes.size() + alert.affected_nodes_omitted);
         }},
    Name{"affected_racks",
         [](const Alert& alert) {
           return fmt::format("{}", fmt::join(alert.affected_racks, ", "));
         }},
    Name{"acknowledged_by", [](const Alert& alert) { return alert.acknowledged_by; }},
    Name{"command", [](const Alert& alert) { return command_of(alert); }},
    Name{"link", [](const Alert& alert) { return alert.link; }},
};

const Name* find_name(std::string_view name) {
  for (const auto& known : kNames) {
    if (known.name == name) return &known;
  }
  return nullptr;
}

Error unknown_name(std::string_view name) {
  std::vector<std::string_view> known;
  for (const auto& item : kNames) known.push_back(item.name);
  return {ErrorCode::kInvalid, fmt::format("there is no ${{{}}}; there are {}", name.substr(0, 40),
                                           fmt::join(known, ", "))};
}

// Within a JSON string: what dump() writes, without its quotes.
std::string escaped(const std::string& value, Escape escape) {
  if (escape == Escape::kNone) return value;
  const auto quoted =
      nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

Result<Template> Template::parse(std::string_view text) {
  if (text.size() > kTemplateBytesMax) {
    return fail(ErrorCode::kInvalid,
                fmt::format("a template has at most {} bytes", kTemplateBytesMax));
  }
  Template result;
  std::string literal;
  while (!text.empty()) {
    if (text.starts_with("$$")) {
      literal += '$';
      text.remove_prefix(2);
    } else if (text.starts_with("${")) {
      const auto end = text.find('}');
      if (end == std::string_view::npos) return fail(ErrorCode::kInvalid, "a ${ has no }");
      const auto name = text.substr(2, end - 2);
      if (find_name(name) == nullptr) return tl::unexpected(unknown_name(name));
      result.pieces_.push_back({std::exchange(literal, {}), false});
      result.pieces_.push_back({std::string(name), true});
      text.remove_prefix(end + 1);
    } else {
      literal += text.front();
      text.remove_prefix(1);
    }
  }
  result.pieces_.push_back({std::move(literal), false});
  return result;
}

std::string Template::render(const Alert& alert, Escape escape) const {
  std::string text;
  for (const auto& piece : pieces_) {
    text += piece.is_name ? escaped(find_name(piece.text)->value(alert), escape) : piece.text;
  }
  return text;
}

}  // namespace faultline::notify
