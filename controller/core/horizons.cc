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

// Whether `part` is a link of the cable or device `whole`.
bool contains(const Suspect& whole, const Suspect& part) {
  if (part.kind > SuspectKind::kCable || whole.kind <= part.kind) return false;
  if (whole.kind == SuspectKind::kCable) {
    return std::minmax(whole.from, whole.to) == std::minmax(part.from, part.to);
  }
  return part.from == whole.id || part.to == whole.id;
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

}  // namespace

bool same_suspect(const Suspect& left, const Suspect& right) {
  return in_group(left, right.id) ||
         std::ranges::any_of(right.ambiguous_with,
                             [&](const std::string& id) { return in_group(left, id); });
}

void add_newest(localize::Verdict& verdict, const localize::Verdict& newest) {
  auto& known = verdict.suspects;
  std::vector<Suspect> added;  // apart: what one verdict tells apart stays apart
  for (const auto& suspect : newest.suspects) {
    const auto same = std::ranges::find_if(
        known, [&](const Suspect& other) { return same_suspect(other, suspect); });
    if (same != known.end()) {
      if (in_group(suspect, same->id)) adopt_down(*same, suspect);
      continue;
    }
    // One window may be too short to see that the losses come with a queue; the horizon is not.
    if (suspect.fault_class == localize::FaultClass::kLoss &&
        std::ranges::any_of(verdict.congested,
                            [&](const Suspect& it) { return same_suspect(it, suspect); })) {
      continue;
    }
    if (std::ranges::any_of(known, [&](const Suspect& it) { return contains(it, suspect); })) {
      continue;
    }
    std::erase_if(known, [&](const Suspect& it) { return contains(suspect, it); });
    added.push_back(suspect);
  }
  std::ranges::move(added, std::back_inserter(known));
}

}  // namespace faultline::core
