// Text for a person: aligned tables, and the few ways in which numbers are shown. Thread safety:
// pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace faultline::cli {

enum class Tone : std::uint8_t { kPlain, kGood, kBad, kWarn, kFaint, kBold };

struct Style {
  bool color = false;  // a terminal, and NO_COLOR is not set

  [[nodiscard]] std::string paint(Tone tone, std::string_view text) const;
};

struct Cell {
  std::string text;
  Tone tone = Tone::kPlain;

  Cell(std::string value, Tone with = Tone::kPlain)
      : text(std::move(value)), tone(with) {}  // NOLINT
  Cell(const char* value) : text(value) {}     // NOLINT
};

class Table {
 public:
  // A column whose title begins with '>' is aligned to the right.
  explicit Table(std::vector<std::string> titles, std::string indent = "");

  void add(std::vector<Cell> row);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  // Lines end without trailing blanks. Without rows: nothing, not even the titles.
  [[nodiscard]] std::string text(const Style& style) const;

 private:
  std::vector<std::string> titles_;
  std::vector<bool> right_;
  std::string indent_;
  std::vector<std::vector<Cell>> rows_;
};

// 0.0123 -> "1.2 %": three digits at most, so that a column can be compared at a glance.
[[nodiscard]] std::string percent(double ratio);
// The same for a probability, of which none is 1.
[[nodiscard]] std::string certainty(double probability);
// 12345678 -> "11.8 MiB".
[[nodiscard]] std::string bytes(double count);
// 7384 -> "2h 3m".
[[nodiscard]] std::string span_of_seconds(double seconds);
// 1234.5 -> "1234" us, 12.34 -> "12.3".
[[nodiscard]] std::string microseconds(double us);

}  // namespace faultline::cli
