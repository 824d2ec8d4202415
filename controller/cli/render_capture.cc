// capture.
#include <fmt/format.h>

#include "controller/cli/capture.h"
#include "controller/cli/render.h"

namespace faultline::cli {
namespace {

void add_way(Table& table, const Json& document, const char* key, const std::string& name) {
  const auto& way = member(document, key);
  const auto missing = count(way, "missing");
  table.add({name,
             text(way, "left"),
             text(way, "arrived"),
             {text(way, "missing"), missing == 0 ? Tone::kPlain : Tone::kBad},
             text(way, "damaged"),
             text(way, "copies"),
             text(way, "swapped"),
             text(way, "delay_min_us"),
             text(way, "delay_max_us")});
}

Tone tone_of(const std::string& outcome) {
  if (outcome == "ok") return Tone::kGood;
  return outcome == "fault" ? Tone::kBad : Tone::kWarn;
}

std::string flows_table(const Json& document, const Style& style) {
  Table table({">SOURCE PORT", ">LEFT", ">MISSING", ">UNANSWERED", ">REPLIES", ">MISSING"}, "  ");
  for (const auto& flow : member(document, "flows")) {
    table.add({text(flow, "source_port"), text(flow, "left"), text(flow, "missing"),
               text(flow, "unanswered"), text(flow, "replies_left"),
               text(flow, "replies_missing")});
  }
  return table.empty() ? "" : "\n" + table.text(style);
}

}  // namespace

std::string render_capture(const Json& document, const Style& style) {
  const auto outcome = text(document, "outcome");
  auto result = style.paint(tone_of(outcome), "[" + outcome + "]") + " " +
                text(document, "verdict") + ": " + text(document, "summary") + "\n";
  Table table({"WAY", ">LEFT", ">ARRIVED", ">MISSING", ">DAMAGED", ">TWICE", ">OVERTAKEN",
               ">MIN us", ">MAX us"},
              "  ");
  const auto from = text(document, "from");
  const auto to = text(document, "to");
  add_way(table, document, "forward", from + " > " + to);
  add_way(table, document, "return", to + " > " + from);
  result += "\n" + table.text(style) + flows_table(document, style);
  const auto& notes = member(document, "notes");
  if (!notes.empty()) result += "\n";
  for (const auto& note : notes) result += fmt::format("  {}\n", note.get<std::string>());
  const auto& files = member(document, "files");
  if (files.is_array()) result += fmt::format("\n  files: {}\n", joined(document, "files"));
  const auto& remedy = member(document, "remedy");
  if (!remedy.is_null()) result += fmt::format("\n  do: {}\n", remedy.get<std::string>());
  return result;
}

}  // namespace faultline::cli
