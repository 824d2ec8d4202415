#include "controller/cli/table.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace faultline::cli {

std::string Style::paint(Tone tone, std::string_view text) const {
  if (!color || tone == Tone::kPlain) return std::string{text};
  constexpr std::array<std::string_view, 6> kCodes{"", "32", "31", "33", "2", "1"};
  return fmt::format("\033[{}m{}\033[0m", kCodes.at(static_cast<std::size_t>(tone)), text);
}

Table::Table(std::vector<std::string> titles, std::string indent)
    : titles_(std::move(titles)), indent_(std::move(indent)) {
  for (auto& title : titles_) {
    right_.push_back(title.starts_with('>'));
    if (right_.back()) title.erase(0, 1);
  }
}

void Table::add(std::vector<Cell> row) {
  row.resize(titles_.size(), Cell{""});
  rows_.push_back(std::move(row));
}

std::string Table::text(const Style& style) const {
  if (rows_.empty()) return {};
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < titles_.size(); ++column) {
    auto width = titles_[column].size();
    for (const auto& row : rows_) width = std::max(width, row[column].text.size());
    widths.push_back(width);
  }
  std::string result;
  const auto add_line = [&](const std::vector<Cell>& cells) {
    std::string line = indent_;
    for (std::size_t column = 0; column < cells.size(); ++column) {
      const auto& cell = cells[column];
      const std::string pad(widths[column] - cell.text.size(), ' ');
      if (column > 0) line += "  ";
      if (right_[column]) line += pad;
      line += style.paint(cell.tone, cell.text);
      if (!right_[column]) line += pad;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    result += line + "\n";
  };
  std::vector<Cell> head;
  for (const auto& title : titles_) head.emplace_back(title, Tone::kFaint);
  add_line(head);
  for (const auto& row : rows_) add_line(row);
  return result;
}

std::string percent(double ratio) {
  const double value = ratio * 100;
  if (value == 0) return "0 %";
  if (value < 0.001) return "<0.001 %";
  if (value < 0.1) return fmt::format("{:.3f} %", value);
  if (value < 10) return fmt::format("{:.2f} %", value);
  return fmt::format("{:.1f} %", value);
}

std::string certainty(double probability) {
  return probability >= 0.999 ? ">99.9 %" : fmt::format("{:.1f} %", 100 * probability);
}

std::string bytes(double count) {
  constexpr std::array<std::string_view, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (count >= 1024 && unit + 1 < kUnits.size()) {
    count /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", count)
                   : fmt::format("{:.1f} {}", count, kUnits.at(unit));
}

std::string span_of_seconds(double seconds) {
  const auto total = static_cast<std::int64_t>(std::max(0.0, std::round(seconds)));
  if (total < 60) return fmt::format("{}s", total);
  if (total < 3600) return fmt::format("{}m {}s", total / 60, total % 60);
  if (total < 86'400) return fmt::format("{}h {}m", total / 3600, total % 3600 / 60);
  return fmt::format("{}d {}h", total / 86'400, total % 86'400 / 3600);
}

std::string microseconds(double us) {
  return us < 100 ? fmt::format("{:.1f}", us) : fmt::format("{:.0f}", us);
}

}  // namespace faultline::cli
