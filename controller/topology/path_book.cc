#include "controller/topology/path_book.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

namespace faultline::topology {
namespace {

// What an incomplete trace did not hear after its last answer says nothing.
PathRecord without_silent_end(PathRecord path) {
  while (!path.complete && !path.hops.empty() && !path.hops.back().address) path.hops.pop_back();
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
  auto refined = path;
  if (seen.hops.size() > refined.hops.size()) refined.hops.resize(seen.hops.size());
  for (std::size_t i = 0; i < seen.hops.size(); ++i) {
    if (!refined.hops[i].address) refined.hops[i] = seen.hops[i];
  }
  refined.complete = path.complete || seen.complete;
  refined.traced_at = seen.traced_at;
  const bool news = refined.hops != path.hops || refined.complete != path.complete;
  path = std::move(refined);
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

PathNews PathBook::update(NodeId reporter, const PathRecord& traced) {
  const auto path = without_silent_end(traced);
  const auto key = key_of(reporter, path);
  const auto found = paths_.find(key);
  if (found == paths_.end()) {
    if (paths_.size() >= kPathsMax) {
      ++refused_;
      return PathNews::kRefused;
    }
    paths_.emplace(key, KnownPath{.path = path, .changed_at = path.traced_at});
    return PathNews::kFirst;
  }
  auto& known = found->second;
  if (path.traced_at < known.path.traced_at) {
    ++refused_;
    return PathNews::kRefused;
  }
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
  const auto found = paths_.find(key);
  return found == paths_.end() ? nullptr : &found->second;
}

}  // namespace faultline::topology
