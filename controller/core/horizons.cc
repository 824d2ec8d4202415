#include "controller/core/horizons.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace faultline::core {
namespace {

using localize::Suspect;
using localize::SuspectKind;

bool in_group(const Suspect& suspect, const std::string& id) {
  return suspect.id == id ||
         std::ranges::find(suspect.ambiguous_with, id) != suspect.ambiguous_with.end();
}

// Before the onset a component that is down now let packets pass, which the long horizon still
// remembers: what is total now is total.
void adopt_down(Suspect& suspect, const Suspect& newest) {
  if (newest.fault_class != localize::FaultClass::kDown) return;
  suspect.fault_class = newest.fault_class;
  suspect.slice.reset();
  suspect.loss = newest.loss;
  suspect.loss_low = newest.loss_low;
  suspect.loss_high = newest.loss_high;
}

// One window may be too short to see that the losses come with a queue; a longer time is not.
bool is_queue(const localize::Verdict& verdict, const Suspect& suspect) {
  return suspect.fault_class == localize::FaultClass::kLoss &&
         std::ranges::any_of(verdict.congested,
                             [&](const Suspect& it) { return same_suspect(it, suspect); });
}

}  // namespace

Containers::Containers(const localize::ObservationSet& set) {
  for (const auto& it : set.memberships()) put_in(set.at(it.member).id, set.at(it.container).id);
}

bool contains(const Suspect& whole, const Suspect& part, const Containers& containers) {
  const bool is_whole_link = whole.kind <= SuspectKind::kCable;
  const bool is_part_link = part.kind <= SuspectKind::kCable;
  if (is_whole_link) {
    return whole.kind == SuspectKind::kCable && part.kind == SuspectKind::kLink &&
           std::minmax(whole.from, whole.to) == std::minmax(part.from, part.to);
  }
  const auto touches = [&](const std::string& device) {
    return device == whole.id || containers.holds(whole.id, device);
  };
  if (is_part_link) return touches(part.from) || touches(part.to);
  return containers.holds(whole.id, part.id);
}

bool same_suspect(const Suspect& left, const Suspect& right) {
  return in_group(left, right.id) ||
         std::ranges::any_of(right.ambiguous_with,
                             [&](const std::string& id) { return in_group(left, id); });
}

void add_newest(localize::Verdict& verdict, const localize::Verdict& newest,
                const Containers& containers) {
  auto& known = verdict.suspects;
  std::vector<Suspect> added;  // apart: what one verdict tells apart stays apart
  for (const auto& suspect : newest.suspects) {
    const auto same = std::ranges::find_if(
        known, [&](const Suspect& other) { return same_suspect(other, suspect); });
    if (same != known.end()) {
      if (in_group(suspect, same->id)) adopt_down(*same, suspect);
      continue;
    }
    if (is_queue(verdict, suspect)) continue;
    if (std::ranges::any_of(known,
                            [&](const Suspect& it) { return contains(it, suspect, containers); })) {
      continue;
    }
    std::erase_if(known, [&](const Suspect& it) { return contains(suspect, it, containers); });
    added.push_back(suspect);
  }
  std::ranges::move(added, std::back_inserter(known));
}

bool is_news(const localize::Verdict& verdict, const Suspect& suspect,
             const Containers& containers) {
  return !is_queue(verdict, suspect) &&
         std::ranges::none_of(verdict.suspects, [&](const Suspect& it) {
           return same_suspect(it, suspect) || contains(it, suspect, containers) ||
                  contains(suspect, it, containers);
         });
}

void add_near_misses(localize::Verdict& verdict, const std::vector<localize::NearMiss>& longer) {
  for (const auto& near : longer) {
    const auto is_known = std::ranges::any_of(
        verdict.near_misses, [&](const localize::NearMiss& it) { return it.id == near.id; });
    const auto is_accused = std::ranges::any_of(
        verdict.suspects, [&](const Suspect& it) { return in_group(it, near.id); });
    if (!is_known && !is_accused) verdict.near_misses.push_back(near);
  }
}

}  // namespace faultline::core
