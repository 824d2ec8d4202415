#include "controller/core/what_changed.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "controller/changes/path_difference.h"

namespace faultline::core {
namespace {

std::string session_text(const topology::Topology& topology, NodeId reporter,
                         const PathRecord& path) {
  const auto here = topology.node_name(reporter);
  const auto there = topology.node_name(path.target);
  return path.direction == Direction::kForward
             ? fmt::format("{}:{}>{}", here, path.source_port, there)
             : fmt::format("{}>{}:{}", there, here, path.source_port);
}

// Milliseconds are enough, and keep the words of one cause alike.
std::string offset_text(Duration offset) {
  const double seconds = std::chrono::duration<double>(offset).count();
  return fmt::format("{:.1f} s {}", std::abs(seconds), seconds < 0 ? "behind" : "ahead");
}

std::vector<changes::Component> suspects_of(const incident::Incident& incident) {
  const auto& suspect = incident.suspect;
  std::vector<changes::Component> suspects{{suspect.id, suspect.from, suspect.to}};
  for (const auto& id : suspect.ambiguous_with) suspects.push_back({id, {}, {}});
  return suspects;
}

}  // namespace

void WhatChanged::note(changes::Change change) {
  if (history_.use_count() > 1) history_ = std::make_shared<changes::History>(*history_);
  history_->note(std::move(change));
}

void WhatChanged::path_changed(NodeId reporter, const PathRecord& before, const PathRecord& after) {
  if (paths_waiting_.size() >= kPathsWaitingMax) {
    ++paths_untold_;
    return;
  }
  paths_waiting_.push_back({reporter, before, after});
}

void WhatChanged::member_changed(const std::string& node, const std::string& what, WallTime time) {
  auto& known = members_[node];
  const bool is_first = known.empty() && what == "live";  // since the controller's own start
  auto before = std::exchange(known, what);
  if (before == what || is_first) return;
  note({.time = time,
        .kind = changes::Kind::kMembership,
        .subject = node,
        .before = std::move(before),
        .after = what,
        .components = {{node, {}, {}}}});
  if (what == "removed") members_.erase(node);
}

void WhatChanged::node_restarted(const std::string& node, WallTime time) {
  members_[node] = "live";
  note({.time = time,
        .kind = changes::Kind::kMembership,
        .subject = node,
        .before = {},
        .after = "restarted",
        .components = {{node, {}, {}}}});
}

void WhatChanged::facts_changed(const std::string& node, std::vector<changes::Change> changes) {
  changes.resize(std::min(changes.size(), kFactsToldMax));
  for (auto& change : changes) {
    change.subject = fmt::format("{} {}", node, change.subject);
    change.components = {{node, {}, {}}};
    note(std::move(change));
  }
}

void WhatChanged::clock_read(const std::string& node, Duration offset, WallTime time) {
  const bool is_off = offset > kClockOffsetTold || offset < -kClockOffsetTold;
  auto& was_off = clocks_off_[node];
  if (was_off == is_off) return;
  was_off = is_off;
  note({.time = time,
        .kind = changes::Kind::kClock,
        .subject = node,
        .before = is_off ? "right" : "off",
        .after = is_off ? offset_text(offset) : "right",
        .components = {{node, {}, {}}}});
}

void WhatChanged::name_paths(const topology::Topology& topology) {
  const auto count = std::min(paths_waiting_.size(), kPathsAtOnceMax);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& [reporter, before, after] = paths_waiting_[i];
    const auto old_route = topology.resolve(reporter, before);
    const auto new_route = topology.resolve(reporter, after);
    auto found = changes::difference({old_route.devices, old_route.links},
                                     {new_route.devices, new_route.links});
    if (found.before == found.after) continue;  // other addresses of the same devices
    auto components = std::move(found.components);
    for (const NodeId end : {reporter, after.target}) {
      components.push_back({topology.node_name(end), {}, {}});
    }
    note({.time = after.traced_at,
          .kind = changes::Kind::kPath,
          .subject = session_text(topology, reporter, after),
          .before = std::move(found.before),
          .after = std::move(found.after),
          .components = std::move(components)});
  }
  paths_waiting_.erase(paths_waiting_.begin(),
                       paths_waiting_.begin() + static_cast<std::ptrdiff_t>(count));
}

bool WhatChanged::is_settled(const incident::Incident& incident) {
  return incident.updated_at - incident.since > kChangesSettled;
}

std::vector<incident::Change> WhatChanged::of(const incident::Incident& incident,
                                              Duration window) const {
  const auto touching = history_->touching({.last_good_end = incident.since,
                                            .first_bad_end = incident.since + window,
                                            .suspects = suspects_of(incident),
                                            .affected = incident.suspect.affected,
                                            .changes_max = incident::kChangesPerIncidentMax});
  std::vector<incident::Change> changes;
  for (const auto& change : touching) {
    changes.push_back({.time = change.time,
                       .kind = std::string(to_string(change.kind)),
                       .subject = changes::subject_text(change),
                       .before = change.before,
                       .after = change.after});
  }
  return changes;
}

}  // namespace faultline::core
