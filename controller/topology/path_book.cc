#include "controller/topology/path_book.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

namespace faultline::topology {
namespace {

bool ends_silent(const PathRecord& path) {
  return !path.complete && !path.hops.empty() && !path.hops.back().address;
}

// What an incomplete trace did not hear after its last answer says nothing.
PathRecord without_silent_end(PathRecord path) {
  while (ends_silent(path)) path.hops.pop_back();
  return path;
}

// A silent hop right before the far end may be the far end itself, not heard at its own distance.
bool doubtful(const PathRecord& path) {
  return !path.complete || (!path.hops.empty() && !path.hops.back().address);
}

// The shorter one may be a prefix only if it is incomplete.
bool agree(const PathRecord& left, const PathRecord& right) {
  const auto& shorter = left.hops.size() <= right.hops.size() ? left : right;
  const auto& longer = left.hops.size() <= right.hops.size() ? right : left;
  if (shorter.hops.size() != longer.hops.size() && shorter.complete) return false;
  return std::ranges::equal(shorter.hops, std::span(longer.hops).first(shorter.hops.size()),
                            [](const Hop& a, const Hop& b) {
                              return !a.address || !b.address || a.address == b.address;
                            });
}

// Fills in what `seen` saw and `path` did not; the two agree. False when there was nothing.
bool refine(PathRecord& path, const PathRecord& seen) {
  bool news = seen.hops.size() > path.hops.size() || (seen.complete && !path.complete);
  if (seen.hops.size() > path.hops.size()) path.hops.resize(seen.hops.size());
  for (std::size_t i = 0; i < seen.hops.size(); ++i) {
    if (path.hops[i].address || !seen.hops[i].address) continue;
    path.hops[i] = seen.hops[i];
    news = true;
  }
  path.complete = path.complete || seen.complete;
  path.traced_at = seen.traced_at;
  return news;
}

}  // namespace

PathAt KnownPath::at(WallTime time) const {
  if (changed_at <= time || earlier.empty()) return {&path, revision};
  auto then = earlier.rbegin();
  while (then->since > time && std::next(then) != earlier.rend()) ++then;
  return {&then->path, then->revision};
}

PathKey key_of(NodeId reporter, const PathRecord& path) {
  return {reporter, path.target, path.source_port, path.direction};
}

std::string_view to_string(PathNews news) {
  switch (news) {
    case PathNews::kFirst:
      return "first";
    case PathNews::kRefined:
      return "refined";
    case PathNews::kChanged:
      return "changed";
    case PathNews::kUnchanged:
      return "unchanged";
    case PathNews::kWithheld:
      return "withheld";
    case PathNews::kRefused:
      return "refused";
  }
  return "unknown";
}

PathBook::Part& PathBook::part_to_change(NodeId reporter) {
  auto& part = parts_[reporter];
  auto changed = part == nullptr ? std::make_shared<Part>() : nullptr;
  if (part != nullptr && part.use_count() > 1) changed = std::make_shared<Part>(*part);
  if (changed != nullptr) part = std::move(changed);
  return const_cast<Part&>(*part);  // nobody else has it
}

PathNews PathBook::update(NodeId reporter, const PathRecord& traced) {
  if (ends_silent(traced)) return update(reporter, without_silent_end(traced));
  const auto key = key_of(reporter, traced);
  if (size_ >= kPathsMax && find(key) == nullptr) {
    ++refused_;
    return PathNews::kRefused;
  }
  const auto [at, is_first] = part_to_change(reporter).try_emplace(key);
  KnownPath& known = at->second;
  if (is_first) {
    known.path = traced;
    known.changed_at = traced.traced_at;
    ++size_;
    return PathNews::kFirst;
  }
  if (traced.traced_at < known.path.traced_at) {
    ++refused_;
    return PathNews::kRefused;
  }
  return update_known(known, traced);
}

void PathBook::set_back(WallTime now) {
  for (const auto& [reporter, part] : parts_) {
    const bool is_past = std::ranges::all_of(
        *part, [&](const auto& known) { return known.second.path.traced_at <= now; });
    if (is_past) continue;
    for (auto& [key, known] : part_to_change(reporter)) {
      known.path.traced_at = std::min(known.path.traced_at, now);
      known.changed_at = std::min(known.changed_at, now);
    }
  }
}

PathNews PathBook::update_known(KnownPath& known, const PathRecord& path) {
  if (agree(known.path, path)) {
    known.withheld = 0;
    if (!refine(known.path, path)) return PathNews::kUnchanged;
    ++known.revision;
    return PathNews::kRefined;
  }
  if (!doubtful(known.path) && doubtful(path) && ++known.withheld < kDoubtfulToReplace) {
    return PathNews::kWithheld;
  }
  if (known.earlier.size() == kEarlierPathsMax) known.earlier.erase(known.earlier.begin());
  known.earlier.push_back({std::move(known.path), known.changed_at, known.revision});
  known.path = path;
  known.changed_at = path.traced_at;
  known.withheld = 0;
  ++known.changes;
  ++known.revision;
  ++route_changes_;
  return PathNews::kChanged;
}

const KnownPath* PathBook::find(const PathKey& key) const {
  const auto part = parts_.find(key.reporter);
  if (part == parts_.end()) return nullptr;
  const auto found = part->second->find(key);
  return found == part->second->end() ? nullptr : &found->second;
}

PathBook::Paths::Iterator PathBook::Paths::lower_bound(const PathKey& key) const {
  Iterator at(parts_->lower_bound(key.reporter), parts_->end());
  if (at.part_ == at.end_ || at.part_->first != key.reporter) return at;
  at.at_ = at.part_->second->lower_bound(key);
  if (at.at_ == at.part_->second->end()) at.enter(std::next(at.part_));
  return at;
}

PathBook::Paths::Iterator PathBook::Paths::find(const PathKey& key) const {
  const auto at = lower_bound(key);
  return at == end() || at->first != key ? end() : at;
}

}  // namespace faultline::topology
