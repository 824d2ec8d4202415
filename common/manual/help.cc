#include "common/manual/help.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/manual/roff.h"

namespace faultline::manual {
namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kIndent = 2;

std::string entries_text(const std::vector<Entry>& entries) {
  std::size_t longest = 0;
  for (const auto& entry : entries) longest = std::max(longest, entry.term.size());
  const auto indent = kIndent + longest + 2;
  std::string text;
  for (const auto& entry : entries) {
    auto filled = fill(entry.text, indent, kWidth);
    const auto term = fmt::format("{:{}}{}", "", kIndent, entry.term);
    text += filled.empty() ? term + "\n" : filled.replace(0, term.size(), term);
  }
  return text;
}

}  // namespace

std::string footer(const Facts& facts) {
  std::string text;
  for (const auto& section : facts.sections) {
    text += fmt::format("\n{}:\n", section.title);
    for (const auto& paragraph : section.paragraphs) text += fill(paragraph, kIndent, kWidth);
    text += entries_text(section.entries);
  }
  if (!facts.examples.empty()) text += "\nExamples:\n";
  for (const auto& example : facts.examples) {
    text += fill(example.about, kIndent, kWidth);
    for (const auto& line : example.lines) text += fmt::format("{:{}}{}\n", "", 2 * kIndent, line);
  }
  return text;
}

void describe(CLI::App& app, const Facts& facts) {
  std::string description = facts.program + " " + facts.summary + ".";
  for (const auto& paragraph : facts.description)
    description += "\n\n" + fill(paragraph, 0, kWidth);
  while (description.ends_with('\n')) description.pop_back();
  app.description(description);
  app.footer(footer(facts));
  app.add_flag_callback("--print-manual",
                        [&app, facts] { throw CLI::CallForVersion(to_roff(app, facts), 0); })
      ->group("");
}

}  // namespace faultline::manual
