#include "common/manual/facts.h"

namespace faultline::manual {

std::string fill(std::string_view text, std::size_t indent, std::size_t width) {
  std::string result;
  std::size_t column = 0;
  while (!text.empty()) {
    const auto end = text.find(' ');
    const auto word = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (word.empty()) continue;
    if (column > 0 && column + 1 + word.size() > width) {
      result += '\n';
      column = 0;
    }
    const auto blanks = column == 0 ? indent : 1;
    result.append(blanks, ' ').append(word);
    column += blanks + word.size();
  }
  return result.empty() ? result : result + '\n';
}

}  // namespace faultline::manual
