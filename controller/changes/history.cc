#include "controller/changes/history.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace faultline::changes {
namespace {

// How near a change is to what went bad.
enum class Relation : std::uint8_t { kNone, kFleet, kAffected, kEnd, kSame };

bool has_ends(const Component& component) { return !component.from.empty(); }

bool same_ends(const Component& left, const Component& right) {
  return has_ends(left) && has_ends(right) &&
         std::minmax(left.from, left.to) == std::minmax(right.from, right.to);
}

bool is_end_of(const Component& device, const Component& link) {
  return !has_ends(device) && has_ends(link) && (device.id == link.from || device.id == link.to);
}

Relation relation_of(const Component& changed, const Component& suspect) {
  if (changed.id == suspect.id || same_ends(changed, suspect) || is_end_of(suspect, changed)) {
    return Relation::kSame;
  }
  return is_end_of(changed, suspect) ? Relation::kEnd : Relation::kNone;
}

Relation relation_of(const Change& change, const Question& question) {
  if (change.components.empty()) return Relation::kFleet;
  auto nearest = Relation::kNone;
  for (const auto& changed : change.components) {
    for (const auto& suspect : question.suspects) {
      nearest = std::max(nearest, relation_of(changed, suspect));
    }
    const bool is_affected =
        std::ranges::find(question.affected, changed.id) != question.affected.end();
    if (is_affected) nearest = std::max(nearest, Relation::kAffected);
  }
  return nearest;
}

bool is_alike(const Change& left, const Change& right) {
  return left.before == right.before && left.after == right.after &&
         (left.components.empty() == right.components.empty());
}

void add_components(Change& change, const std::vector<Component>& others) {
  for (const auto& other : others) {
    if (change.components.size() >= kComponentsPerChangeMax) return;
    if (std::ranges::find(change.components, other) == change.components.end()) {
      change.components.push_back(other);
    }
  }
}

// So much later than it happened.
Duration seen_within(Kind kind) {
  if (kind == Kind::kPath) return kTraceLag;
  return kind == Kind::kFacts || kind == Kind::kMtu ? kFactsLag : Duration{};
}

Duration distance(WallTime left, WallTime right) {
  return left < right ? right - left : left - right;
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::kClock:
      return "clock";
    case Kind::kPlan:
      return "plan";
    case Kind::kTopology:
      return "topology";
    case Kind::kPath:
      return "path";
    case Kind::kFacts:
      return "facts";
    case Kind::kDscp:
      return "dscp";
    case Kind::kMtu:
      return "mtu";
    case Kind::kMembership:
      return "membership";
  }
  return "path";
}

std::string subject_text(const Change& change) {
  if (change.count <= 1) return change.subject;
  return fmt::format("{} and {} other{}", change.subject, change.count - 1,
                     change.count == 2 ? "" : "s");
}

void History::note(Change change) {
  auto& changes = changes_[static_cast<std::size_t>(change.kind)];
  if (change.components.size() > kComponentsPerChangeMax) {
    change.components.resize(kComponentsPerChangeMax);
  }
  for (auto at = changes.rbegin(); at != changes.rend(); ++at) {
    if (change.time - at->time > kAlikeWithin) break;
    if (!is_alike(*at, change) || distance(at->time, change.time) > kAlikeWithin) continue;
    at->count += change.count;
    add_components(*at, change.components);
    return;
  }
  const auto place = std::ranges::upper_bound(changes, change.time, {}, &Change::time);
  changes.insert(place, std::move(change));
  if (changes.size() <= kChangesPerKindMax) return;
  changes.pop_front();
  ++forgotten_;
}

std::vector<Change> History::since(WallTime from, std::size_t changes_max) const {
  std::vector<Change> found;
  for (const auto& changes : changes_) {
    const auto first = std::ranges::lower_bound(changes, from, {}, &Change::time);
    std::copy(first, changes.end(), std::back_inserter(found));
  }
  std::ranges::stable_sort(found, std::greater{}, &Change::time);
  if (found.size() > changes_max) found.resize(changes_max);
  return found;
}

std::vector<Change> History::touching(const Question& question) const {
  struct Found {
    const Change* change;
    Relation relation;
  };
  std::vector<Found> found;
  for (const auto& changes : changes_) {
    const auto from =
        std::ranges::lower_bound(changes, question.last_good_end - kCauseBefore, {}, &Change::time);
    for (auto at = from; at != changes.end(); ++at) {
      if (at->time > question.first_bad_end + seen_within(at->kind)) break;
      const auto relation = relation_of(*at, question);
      if (relation != Relation::kNone) found.push_back({&*at, relation});
    }
  }
  std::ranges::stable_sort(found, [&](const Found& left, const Found& right) {
    const auto rank = [&](const Found& each) {
      return std::tuple(each.relation, each.change->kind,
                        -distance(each.change->time, question.first_bad_end));
    };
    return rank(left) > rank(right);
  });
  found.resize(std::min(found.size(), question.changes_max));
  std::vector<Change> result;
  for (const auto& each : found) result.push_back(*each.change);
  return result;
}

std::size_t History::size() const {
  std::size_t size = 0;
  for (const auto& changes : changes_) size += changes.size();
  return size;
}

}  // namespace faultline::changes
