#include "controller/fleet/absences.h"

#include <algorithm>

namespace faultline::fleet {

std::string_view to_string(AbsenceCause cause) {
  return cause == AbsenceCause::kGoodbye ? "goodbye" : "restart";
}

bool is_away(const Absences& absences) { return !absences.empty() && !absences.back().until; }

bool begin_absence(Absences& absences, const Absence& absence) {
  const auto hour_ago = absence.from - std::chrono::hours{1};
  const auto recent =
      std::ranges::count_if(absences, [&](const Absence& each) { return each.from > hour_ago; });
  if (is_away(absences)) absences.back().until = std::max(absence.from, absences.back().from);
  if (static_cast<std::size_t>(recent) >= kAbsencesPerHourMax) return false;
  absences.push_back(absence);
  if (absences.size() > kAbsencesKeptMax) absences.erase(absences.begin());
  return true;
}

bool end_absence(Absences& absences, WallTime now) {
  if (!is_away(absences)) return false;
  absences.back().until = std::max(now, absences.back().from) + kReturnSettles;
  return true;
}

void set_back(Absences& absences, WallTime now) {
  std::erase_if(absences, [&](const Absence& each) { return each.until && each.from > now; });
  for (auto& each : absences) {
    each.from = std::min(each.from, now);
    if (each.until) each.until = std::min(*each.until, now + kReturnSettles);
  }
}

bool is_excused(const Absences& absences, WallTime start, Duration length, Duration excused_max) {
  return std::ranges::any_of(absences, [&](const Absence& each) {
    const auto bound = each.from + excused_max;
    const auto end = std::min(each.until.value_or(bound), bound);
    return start < end && each.from - kAbsenceMargin < start + length;
  });
}

}  // namespace faultline::fleet
