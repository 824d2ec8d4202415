#include "controller/explain/nearest.h"

#include <algorithm>
#include <utility>

#include "common/base/nearest.h"
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

std::vector<const Code*> nearest(const std::vector<const Code*>& candidates,
                                 std::string_view text) {
  const auto near_max = std::max<std::size_t>(1, text.size() / 3);
  std::vector<std::pair<std::size_t, const Code*>> near;
  for (const auto* code : candidates) near.emplace_back(distance_to(*code, text), code);
  std::ranges::stable_sort(near, {}, &std::pair<std::size_t, const Code*>::first);
  // Where no name is near, the nearest ones all the same; a number like none says nothing.
  const bool is_number = std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || c == '-' || c == ' '; });
  const bool none = near.empty() || near.front().first > near_max;
  const auto distance_max = none && !is_number ? 3 * text.size() / 4 : near_max;
  std::erase_if(near, [&](const auto& entry) { return entry.first > distance_max; });
  std::vector<const Code*> result;
  for (const auto& [distance, code] : near) {
    if (result.size() == kNearestMax) break;
    result.push_back(code);
  }
  return result;
}

}  // namespace faultline::explain
