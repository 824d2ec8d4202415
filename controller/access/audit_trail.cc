#include "controller/access/audit_trail.h"

#include <algorithm>

namespace faultline::access {

void AuditTrail::added(Kind kind, Entry entry, WallTime at) {
  (kind == Kind::kChange ? changes_ : denials_).records[entry.number] = {entry.writes, at};
  next_ = std::max(next_, entry.number + 1);
}

void AuditTrail::rewritten(std::uint64_t number) {
  const auto change = changes_.records.find(number);
  if (change != changes_.records.end()) ++change->second.writes;
}

void AuditTrail::erased(std::uint64_t number) {
  changes_.records.erase(number);
  denials_.records.erase(number);
}

// `excess` go for want of room, however old they are.
void AuditTrail::collect(Shelf& shelf, std::size_t excess, WallTime now, Instant instant,
                         std::vector<Entry>& entries) const {
  const auto may_go = [&](const Kept& kept) {
    if (now - kept.at <= limits_.age_max) return false;
    if (!shelf.step_began || instant - *shelf.step_began >= kAuditAgeEvery) {
      shelf.step_began = instant;
      shelf.step_ends = kept.at + kAuditAgeStep;
    }
    return kept.at <= shelf.step_ends;
  };
  for (const auto& [number, kept] : shelf.records) {
    if (entries.size() >= kAuditErasedAtOnceMax) return;
    if (excess == 0 && !may_go(kept)) return;
    entries.push_back({number, kept.writes});
    if (excess > 0) --excess;
  }
}

std::vector<AuditTrail::Entry> AuditTrail::to_erase(Kind next, WallTime now, Instant instant) {
  std::vector<Entry> entries;
  const auto excess = [&](Kind kind, const Shelf& shelf, std::size_t count_max) {
    const std::size_t wanted = shelf.records.size() + (next == kind ? 1 : 0);
    return wanted > count_max ? wanted - count_max : 0;
  };
  collect(denials_, excess(Kind::kDenial, denials_, limits_.denials_max), now, instant, entries);
  collect(changes_, excess(Kind::kChange, changes_, limits_.changes_max), now, instant, entries);
  return entries;
}

std::uint64_t AuditTrail::writes_of(std::uint64_t number) const {
  for (const auto* shelf : {&changes_, &denials_}) {
    const auto found = shelf->records.find(number);
    if (found != shelf->records.end()) return found->second.writes;
  }
  return 0;
}

}  // namespace faultline::access
