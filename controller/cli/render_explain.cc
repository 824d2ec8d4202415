// explain.
#include <algorithm>

#include <fmt/format.h>

#include "controller/cli/render.h"

namespace faultline::cli {
namespace {

constexpr std::size_t kProseWidth = 100;

// Prose is broken between words; what may be a command to paste is not.
std::string prose(const std::string& text, const std::string& first, const std::string& indent) {
  std::string result = first;
  std::size_t column = first.size();
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find(' ', begin), text.size());
    if (column > indent.size() && column + 1 + end - begin > kProseWidth) {
      result += "\n" + indent;
      column = indent.size();
    } else if (begin > 0) {
      result += ' ';
      ++column;
    }
    result += text.substr(begin, end - begin);
    column += end - begin;
    begin = end + 1;
  }
  return result + "\n";
}

std::string full(const Json& code, const Json& families, const Style& style) {
  const auto number = text(code, "number");
  auto result =
      style.paint(Tone::kBold, text(code, "family") + (number == "-" ? "" : " ") +
                                   (number == "-" ? "" : number) + "  " + text(code, "name")) +
      ": " + text(code, "summary") + "\n";
  if (!member(code, "aliases").empty()) result += "also: " + joined(code, "aliases") + "\n";
  result += "\n" + prose(text(code, "meaning"), "  ", "  ") + "\n  Most often:\n";
  for (const auto& cause : member(code, "causes")) {
    result += prose(cause.get<std::string>(), "    - ", "      ");
  }
  result += "\n  Check first:\n";
  std::size_t step = 0;
  for (const auto& check : member(code, "checks")) {
    result += fmt::format("    {}. {}\n", ++step, check.get<std::string>());
  }
  const auto& commands = member(code, "commands");
  result += commands.empty() ? "\n  Nothing that Faultline measures shows it.\n"
                             : "\n  Faultline shows more:\n";
  for (const auto& advice : commands) {
    result += "    " + text(advice, "command") + "\n";
    result += prose(text(advice, "shows"), "      ", "      ");
  }
  for (const auto& family : families) {
    result += "\n" + style.paint(Tone::kFaint, "  Source: " + text(family, "source")) + "\n";
  }
  return result;
}

}  // namespace

std::string render_explain(const Json& document, const Style& style) {
  const auto& codes = member(document, "codes");
  const auto& families = member(document, "families");
  if (codes.size() == 1) return full(codes[0], families, style);
  if (codes.empty()) {
    Table table({"FAMILY", ">CODES", "WHAT"});
    for (const auto& family : families) {
      table.add({text(family, "family"), text(family, "codes"), text(family, "title")});
    }
    return table.text(style);
  }
  Table table({"FAMILY", ">CODE", "NAME", "SUMMARY"});
  for (const auto& code : codes) {
    table.add(
        {text(code, "family"), text(code, "number"), text(code, "name"), text(code, "summary")});
  }
  return table.text(style);
}

}  // namespace faultline::cli
