#include "controller/access/audit_trail.h"

#include <algorithm>

namespace faultline::access {

void AuditTrail::added(Kind kind, Entry entry, WallTime at) {
  (kind == Kind::kChange ? changes_ : denials_)[entry.number] = {entry.writes, at};
  next_ = std::max(next_, entry.number + 1);
}

void AuditTrail::rewritten(std::uint64_t number) {
  const auto change = changes_.find(number);
  if (change != changes_.end()) ++change->second.writes;
}

void AuditTrail::erased(std::uint64_t number) {
  changes_.erase(number);
  denials_.erase(number);
}

std::vector<AuditTrail::Entry> AuditTrail::to_erase(Kind next, WallTime now) const {
  std::vector<Entry> entries;
  const auto collect = [&](const Records& records, std::size_t count_max, bool one_more) {
    const std::size_t wanted = records.size() + (one_more ? 1 : 0);
    std::size_t excess = wanted > count_max ? wanted - count_max : 0;
    for (const auto& [number, kept] : records) {
      if (entries.size() >= kAuditErasedAtOnceMax) return;
      if (excess == 0 && now - kept.at <= limits_.age_max) return;
      entries.push_back({number, kept.writes});
      if (excess > 0) --excess;
    }
  };
  collect(denials_, limits_.denials_max, next == Kind::kDenial);
  collect(changes_, limits_.changes_max, next == Kind::kChange);
  return entries;
}

std::uint64_t AuditTrail::writes_of(std::uint64_t number) const {
  for (const auto* records : {&changes_, &denials_}) {
    const auto found = records->find(number);
    if (found != records->end()) return found->second.writes;
  }
  return 0;
}

}  // namespace faultline::access
