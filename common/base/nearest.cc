#include "common/base/nearest.h"

#include <algorithm>
#include <vector>

namespace faultline {
namespace {

constexpr std::size_t kNameBytesMax = 64;

}  // namespace

std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = i;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

std::string did_you_mean(std::string_view name, const std::set<std::string, std::less<>>& known) {
  if (known.empty() || name.size() > kNameBytesMax) return "";
  const auto nearest = std::ranges::min_element(
      known, {}, [name](const std::string& candidate) { return edit_distance(name, candidate); });
  const bool is_near = edit_distance(name, *nearest) <= std::max<std::size_t>(1, name.size() / 2);
  return is_near ? "; did you mean " + *nearest + "?" : "";
}

}  // namespace faultline
