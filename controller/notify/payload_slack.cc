// Slack, incoming webhooks: {"text", "blocks"}. `text` is what notifications show; the blocks are
// the message. Limits of Block Kit: 50 blocks, 3000 characters of text in a section, 10 fields of
// 2000. &, < and > are the markup's own and are written as entities.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "controller/notify/payload.h"

namespace faultline::notify {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kTextBytesMax = 2900;  // some room for the markup around it
constexpr std::size_t kFieldBytesMax = 1900;

// Cut before it is escaped, so that no entity is cut; an escaped text is at most 5 times as long.
std::string escaped(const std::string& text, std::size_t bytes_max) {
  std::string result;
  for (const char character : shortened(text, bytes_max / 5)) {
    if (character == '&') {
      result += "&amp;";
    } else if (character == '<') {
      result += "&lt;";
    } else if (character == '>') {
      result += "&gt;";
    } else {
      result += character;
    }
  }
  return result;
}

std::string_view symbol(const Alert& alert) {
  if (alert.event == AlertEvent::kResolved) return ":white_check_mark:";
  if (alert.event == AlertEvent::kAcknowledged) return ":eyes:";
  return alert.severity >= AlertSeverity::kError ? ":red_circle:" : ":large_yellow_circle:";
}

Json field(std::string_view name, const std::string& value) {
  return Json{{"type", "mrkdwn"},
              {"text", fmt::format("*{}*\n{}", name, escaped(value, kFieldBytesMax))}};
}

Json fields(const Alert& alert) {
  auto fields = Json::array({field("Incident", alert.incident),
                             field("Severity", std::string(to_string(alert.severity)))});
  if (alert.kind == kProductKind) return fields;
  if (alert.remedy) {
    fields.push_back(field("Remedy", remedy_sentence(alert)));
  } else {
    auto confidence = fmt::format("{:.1f} %", 100 * alert.posterior);
    if (const auto test = confirmation_sentence(alert); !test.empty()) confidence += "\n" + test;
    fields.push_back(field("Confidence", confidence));
  }
  if (alert.loss) fields.push_back(field("Loss", loss_sentence(alert)));
  if (const auto harm = harm_sentence(alert); !harm.empty()) fields.push_back(field("Harm", harm));
  if (alert.since) fields.push_back(field("Since", format_rfc3339(*alert.since)));
  fields.push_back(field("Evidence", evidence_sentence(alert)));
  const auto total = alert.affected_nodes.size() + alert.affected_nodes_omitted;
  if (total > 0) {
    fields.push_back(field(fmt::format("Affected nodes ({})", total),
                           fmt::format("{}", fmt::join(alert.affected_nodes, ", "))));
  }
  if (const auto blast = blast_sentence(alert); !blast.empty()) {
    fields.push_back(field("Blast radius", blast));
  }
  if (!alert.changes.empty()) {
    fields.push_back(
        field("What changed", fmt::format("{}", fmt::join(change_sentences(alert), "\n"))));
  }
  return fields;  // at most 10
}

}  // namespace

std::string slack_body(const Receiver& receiver, const Alert& alert) {
  const auto line = fmt::format("{} *{}*: {}", symbol(alert), to_string(alert.event),
                                escaped(summary_of(receiver, alert), kTextBytesMax));
  const auto section = [](const std::string& text) {
    return Json{{"type", "section"}, {"text", {{"type", "mrkdwn"}, {"text", text}}}};
  };
  auto blocks = Json::array({section(line)});
  blocks.push_back(Json{{"type", "section"}, {"fields", fields(alert)}});
  auto more = fmt::format("`{}`", escaped(command_of(alert), kFieldBytesMax));
  if (!alert.link.empty()) more += fmt::format("  <{}|more>", escaped(alert.link, kTextBytesMax));
  blocks.push_back(section(more));
  return Json{{"text", line}, {"blocks", blocks}}.dump(-1, ' ', false,
                                                       Json::error_handler_t::replace);
}

}  // namespace faultline::notify
