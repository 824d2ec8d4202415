#include "controller/explain/nearest.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "controller/explain/lookup.h"

namespace faultline::explain {
namespace {

std::size_t distance_to(const Code& code, std::string_view text) {
  auto best = edit_distance(text, normalized(code.name));
  for (const auto& alias : code.aliases) {
    best = std::min(best, edit_distance(text, normalized(alias)));
  }
  if (!code.number.empty()) best = std::min(best, edit_distance(text, code.number));
  return best;
}

}  // namespace

std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    auto diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      const auto change = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::vector<const Code*> nearest(const std::vector<const Code*>& candidates,
                                 std::string_view text) {
  const auto distance_max = std::max<std::size_t>(1, text.size() / 3);
  std::vector<std::pair<std::size_t, const Code*>> near;
  for (const auto* code : candidates) {
    const auto distance = distance_to(*code, text);
    if (distance <= distance_max) near.emplace_back(distance, code);
  }
  std::ranges::stable_sort(near, {}, &std::pair<std::size_t, const Code*>::first);
  std::vector<const Code*> result;
  for (const auto& [distance, code] : near) {
    if (result.size() == kNearestMax) break;
    result.push_back(code);
  }
  return result;
}

}  // namespace faultline::explain
