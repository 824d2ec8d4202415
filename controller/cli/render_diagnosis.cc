// diagnose.
#include <fmt/format.h>

#include "controller/cli/render.h"

namespace faultline::cli {
namespace {

std::string mark(const std::string& level, const Style& style) {
  const auto tone = level == "fail"   ? Tone::kBad
                    : level == "warn" ? Tone::kWarn
                    : level == "ok"   ? Tone::kGood
                                      : Tone::kFaint;
  return style.paint(tone, "[" + level + "]") +
         std::string(level.size() < 7 ? 7 - level.size() : 0, ' ');
}

// Evidence of what is well is a line too much, but for what was measured.
std::string check_text(const Json& check, const Style& style) {
  const auto level = text(check, "level");
  auto result = fmt::format("  {} {}\n", mark(level, style), text(check, "summary"));
  if (level == "ok" && text(check, "code") != "measured_well") return result;
  for (const auto& line : member(check, "evidence")) {
    result += "              " + line.get<std::string>() + "\n";
  }
  return result;
}

std::string remedy_text(const Json& verdict, const Style& style) {
  const auto remedy = text(verdict, "remedy");
  const auto command = text(verdict, "command");
  if (remedy.empty() && command.empty()) return "";
  auto result = "  remedy: " + remedy + "\n";
  if (command.empty()) return result;
  const auto where = text(verdict, "run_on");
  return result + fmt::format("    {}{}\n", where.empty() ? "" : "on " + where + ": ",
                              style.paint(Tone::kBold, command));
}

std::string asked_text(const Json& document) {
  const auto& asked = member(document, "asked");
  std::string result = fmt::format("{} to {}", text(member(document, "a"), "name"),
                                   text(member(document, "b"), "name"));
  if (!member(asked, "port").is_null()) {
    result += fmt::format(", {} {}", text(asked, "protocol"), text(asked, "port"));
  }
  return result + (flag(asked, "past") ? ", as of " : ", ") + text(asked, "at") + "\n";
}

}  // namespace

std::string render_diagnosis(const Json& document, const Style& style) {
  auto result = asked_text(document);
  for (const auto& layer : member(document, "layers")) {
    if (member(layer, "checks").empty()) continue;
    result += style.paint(Tone::kBold, text(layer, "layer")) + "\n";
    for (const auto& check : member(layer, "checks")) result += check_text(check, style);
  }
  const auto& verdict = member(document, "verdict");
  result += "\n" + mark(text(verdict, "level"), style) + " " +
            style.paint(Tone::kBold, text(verdict, "sentence")) +
            fmt::format(" ({})\n", text(verdict, "code"));
  return result + remedy_text(verdict, style);
}

}  // namespace faultline::cli
