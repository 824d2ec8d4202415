// What keeps an incident from being told, and the telling itself.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "controller/incident/machine_round.h"

namespace faultline::incident {

const std::string* find_end(const std::vector<std::string>& nodes, const Suspect& suspect) {
  const auto found = std::ranges::find_if(nodes, [&](const std::string& node) {
    return node == suspect.id || node == suspect.from || node == suspect.to;
  });
  return found == nodes.end() ? nullptr : &*found;
}

// What keeps each incident from being told, before anything of this window is.
void Machine::hold_all(Round& round) {
  for (std::size_t i = 0; i < incidents_.size(); ++i) {
    auto& incident = incidents_[i];
    round.holds.push_back(incident.resolved_at && round.attached[i].empty() ? Hold{}
                                                                            : hold_of(round, i));
    const auto& hold = round.holds.back();
    if (incident.resolved_at || incident.held_by == hold.by) continue;
    round.touch(incidents_, i);
    remember(incident, {.at = round.window.end,
                        .what = hold.by.empty() ? "released" : "held",
                        .by = {},
                        .text = hold.by.empty() ? incident.held_by + " is over" : "by " + hold.by});
    incident.held_by = hold.by;
    if (hold.by.empty()) continue;
    ++counters_.held;
    if (!hold.silence) continue;
    const auto& silence = silences_.count_held(hold.by);
    std::erase_if(round.outcome.silences,
                  [&](const Silence& known) { return known.id == silence.id; });
    round.outcome.silences.push_back(silence);
  }
}

Machine::Hold Machine::hold_of(const Round& round, std::size_t index) const {
  const auto& incident = incidents_[index];
  const auto& seen = round.attached[index].empty() ? incident.suspect : *round.attached[index][0];
  const auto from = round.window.end - round.window.length;
  if (const auto* silence = silences_.find(seen, incident.id, from, round.heard_at())) {
    return {.by = silence->id,
            .opens_not = silence->kind == SilenceKind::kMaintenance,
            .silence = true};
  }
  for (std::size_t other = 0; other < incidents_.size(); ++other) {
    if (other == index || incidents_[other].resolved_at) continue;
    for (const auto* suspect : round.attached[other]) {
      if (!explains(*suspect, seen)) continue;
      return {.by = incidents_[other].id, .opens_not = true, .explained = true};
    }
  }
  if (const auto* node = find_end(round.window.restarting, seen)) {
    return {.by = "restart of " + *node, .opens_not = true};
  }
  const auto* asked = find_end(round.window.undecided, seen);
  if (asked != nullptr && !incident.is_open() && is_dead(seen)) {
    return {.by = "question whether others reach " + *asked, .opens_not = true};
  }
  return {};
}

// A node that was removed is no fault any more, nor is its cable.
void Machine::end_removed(Round& round) {
  for (auto& incident : incidents_) {
    const auto* node = find_end(round.window.removed, incident.suspect);
    if (incident.resolved_at || node == nullptr) continue;
    incident.updated_at = round.window.end;
    if (incident.is_open()) {
      resolve(round, incident, fmt::format("{} was removed", *node));
      round.outcome.changed.push_back(incident);
    } else {
      ++counters_.dissolved;
      round.outcome.erased.push_back(incident.id);
    }
  }
  for (const auto& id : round.outcome.erased) {
    std::erase_if(incidents_, [&](const Incident& incident) { return incident.id == id; });
  }
}

void Machine::tell(Round& round, EventKind kind, Incident& incident, std::string reason) {
  const bool says_more = kind == EventKind::kOpened && reason == "opened";
  remember(incident, {.at = round.window.end,
                      .what = std::string(to_string(kind)),
                      .by = {},
                      .text = says_more ? incident.suspect.text : reason});
  announce(round, kind, incident, std::move(reason));
}

// Tells receivers, unless the incident is held: then it is owed to them. Who never heard of its
// opening hears that first, and needs no end.
void Machine::announce(Round& round, EventKind kind, Incident& incident, std::string reason) {
  if (kind == EventKind::kResolved) {
    if (!std::exchange(incident.announced, false)) return;
  } else {
    incident.severity = severity_of(incident.suspect);
    incident.loss_told = incident.suspect.loss;
    if (!incident.held_by.empty()) {
      incident.owed = std::move(reason);
      ++counters_.events_held;
      return;
    }
    if (!std::exchange(incident.announced, true)) kind = EventKind::kOpened;
    incident.owed.clear();
  }
  if (kind == EventKind::kUpdated) ++counters_.updated;
  ++incident.revision;
  round.outcome.events.push_back({kind, incident, std::move(reason)});
}

}  // namespace faultline::incident
