#include "controller/incident/machine.h"

#include <algorithm>
#include <bit>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "common/base/check.h"
#include "controller/incident/machine_round.h"

namespace faultline::incident {
namespace {

constexpr std::string_view kHealed = "healed";

// Only a fault that healed can come back; one that was merged lives on under another id.
bool can_reopen(const Incident& incident) { return incident.resolution == kHealed; }

// Resolved, and no longer of any use to a later window.
bool is_over(const Incident& incident, WallTime now, Duration reopen_within) {
  if (!incident.resolved_at) return false;
  if (incident.quiet_until) return *incident.quiet_until <= now;
  return !can_reopen(incident) || now - *incident.resolved_at > reopen_within;
}

auto has_id(const std::string& id) {
  return [&id](const Incident& incident) { return incident.id == id; };
}

std::string key_of(const Suspect& suspect) {
  return fmt::format("{}/{}", suspect.id, suspect.fault_class);
}

std::set<std::string> group_of(const Suspect& suspect) {
  std::set<std::string> group(suspect.ambiguous_with.begin(), suspect.ambiguous_with.end());
  group.insert(suspect.id);
  return group;
}

// That no measurement has told the two apart so far.
bool share_group(const Suspect& left, const Suspect& right) {
  const auto group = group_of(left);
  return std::ranges::any_of(group_of(right),
                             [&](const std::string& id) { return group.contains(id); });
}

// The order in which incidents may claim a suspect.
int rank(const Incident& incident) {
  if (incident.is_open()) return 0;
  return incident.state == State::kPending ? 1 : 2;
}

void hold_responsible(Incident& incident, const Suspect& suspect) {
  incident.suspect = suspect;
  std::erase(incident.components, component_of(suspect));
  incident.components.push_back(component_of(suspect));
  if (incident.components.size() > kComponentsPerIncidentMax) {
    incident.components.erase(incident.components.begin());
  }
}

// The newest figures under the name and class that were told.
void refresh(Suspect& told, const Suspect& seen) {
  if (told.id == seen.id && told.fault_class == seen.fault_class) {
    told = seen;
    return;
  }
  told.posterior = seen.posterior;
  told.loss = seen.loss;
  told.loss_low = seen.loss_low;
  told.loss_high = seen.loss_high;
  told.evidence = seen.evidence;
  told.affected = seen.affected;
  told.affected_vms = seen.affected_vms;
  told.affected_racks = seen.affected_racks;
  told.affected_zones = seen.affected_zones;
}

bool loss_changed(const Suspect& suspect, double told) {
  return (suspect.loss >= 2 * told && suspect.loss_low > told) ||
         (suspect.loss <= told / 2 && suspect.loss_high < told);
}

// Than what an operator called resolved.
bool is_worse(const Suspect& suspect, const Suspect& resolved) {
  return suspect.fault_class != resolved.fault_class ||
         (suspect.loss >= 2 * resolved.loss && suspect.loss_low > resolved.loss);
}

// That one of them died and the other can only be reached across it.
bool one_outage(const Suspect& left, const Suspect& right) {
  return is_dead(left) && is_dead(right) && (explains(left, right) || explains(right, left));
}

}  // namespace

std::string_view to_string(EventKind kind) {
  switch (kind) {
    case EventKind::kOpened:
      return "opened";
    case EventKind::kUpdated:
      return "updated";
    case EventKind::kAcknowledged:
      return "acknowledged";
    case EventKind::kResolved:
      return "resolved";
  }
  return "unknown";
}

Status validate(const MachineConfig& config) {
  const auto bad = [](const char* text) { return fail(ErrorCode::kInvalid, text); };
  if (!(config.confirm_posterior > 0 && config.confirm_posterior <= 1)) {
    return bad("confirm_posterior must be above 0 and at most 1");
  }
  if (!(config.keep_posterior > 0 && config.keep_posterior <= config.confirm_posterior)) {
    return bad("keep_posterior must be above 0 and at most confirm_posterior");
  }
  if (config.confirm_of == 0 || config.confirm_of > 32) return bad("confirm_of must be 1 to 32");
  if (config.confirm_windows == 0 || config.confirm_windows > config.confirm_of) {
    return bad("confirm_windows must be 1 to confirm_of");
  }
  if (config.congestion_of == 0 || config.congestion_of > 32) {
    return bad("congestion_of must be 1 to 32");
  }
  if (config.congestion_windows == 0 || config.congestion_windows > config.congestion_of) {
    return bad("congestion_windows must be 1 to congestion_of");
  }
  if (config.resolve_windows == 0 || config.resolve_windows > kResolveWindowsMax) {
    return bad("resolve_windows must be 1 to 48");
  }
  if (config.reopen_within < Duration::zero()) return bad("reopen_within must not be negative");
  if (config.quiet_after_resolve < Duration::zero()) {
    return bad("quiet_after_resolve must not be negative");
  }
  return {};
}

Machine::Machine(const MachineConfig& config) : config_(config) {
  FAULTLINE_CHECK(validate(config).has_value(), "the incident machine's config is valid");
}

Status Machine::restore(std::vector<Incident> incidents, WallTime now) {
  FAULTLINE_CHECK(incidents_.empty(), "restore comes before anything else");
  std::set<std::string> ids;
  for (auto& incident : incidents) {
    if (!ids.insert(incident.id).second) {
      return fail(ErrorCode::kCorrupt, fmt::format("incident {} is stored twice", incident.id));
    }
    last_end_ = std::max(last_end_.value_or(incident.updated_at), incident.updated_at);
    if (!is_over(incident, now, config_.reopen_within)) incidents_.push_back(std::move(incident));
  }
  set_back(now);
  return {};
}

void Machine::set_back(WallTime now) {
  if (last_end_) last_end_ = std::min(*last_end_, now);
}

Outcome Machine::judge(const JudgedWindow& window, Rng& rng) {
  if (last_end_ && window.end <= *last_end_) {
    ++counters_.windows_repeated;
    return {};
  }
  last_end_ = window.end;
  ++counters_.windows_judged;
  if (!window.enough_data) ++counters_.windows_without_data;

  Round round{
      .window = window, .outcome = {}, .attached = {}, .named = {}, .changed = {}, .holds = {}};
  end_removed(round);
  forget(round);
  sort_oldest_first();
  attach(round, rng);
  hold_all(round);
  for (std::size_t i = 0; i < incidents_.size(); ++i) {
    if (!round.attached[i].empty()) {
      note_present(round, i);
    } else {
      note_absent(round, i);
    }
  }
  for (std::size_t i = 0; i < incidents_.size(); ++i) {
    if (round.changed[i]) round.outcome.changed.push_back(incidents_[i]);
  }
  for (const auto& id : round.outcome.erased) {
    std::erase_if(round.outcome.changed, has_id(id));
    std::erase_if(incidents_, has_id(id));
  }
  return std::move(round.outcome);
}

// Resolved incidents that can no longer be reopened; the ledger keeps them. Silences of long ago.
void Machine::forget(Round& round) {
  std::erase_if(incidents_, [&](const Incident& incident) {
    return is_over(incident, round.window.end, config_.reopen_within);
  });
  round.outcome.silences_erased = silences_.forget(round.window.end);
}

// So that a restart changes nothing.
void Machine::sort_oldest_first() {
  std::ranges::sort(incidents_, {}, [](const Incident& incident) {
    return std::pair(incident.since, std::string_view(incident.id));
  });
}

void Machine::attach(Round& round, Rng& rng) {
  round.attached.resize(incidents_.size());
  round.named.resize(incidents_.size());
  round.changed.resize(incidents_.size());
  std::vector<const Suspect*> leftovers;
  for (const auto& suspect : round.window.suspects) {
    if (!(suspect.posterior >= config_.keep_posterior)) continue;
    if (find_end(round.window.removed, suspect) != nullptr) continue;
    if (const auto index = find_named(suspect)) {
      round.attached[*index].push_back(&suspect);
      round.named[*index] = true;
    } else {
      leftovers.push_back(&suspect);
    }
  }
  for (const auto* suspect : leftovers) {
    if (const auto index = find_related(round, *suspect)) {
      round.attached[*index].push_back(suspect);
    } else {
      begin(round, rng, *suspect);
    }
  }
}

// The incident, not yet resolved, that is about this very component.
std::optional<std::size_t> Machine::find_named(const Suspect& suspect) const {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < incidents_.size(); ++i) {
    const auto& incident = incidents_[i];
    if (incident.resolved_at || !names(suspect, incident.components.back())) continue;
    if (!best || rank(incident) < rank(incidents_[*best])) best = i;
  }
  return best;
}

// The incident that this suspect continues under another name, or opens again.
std::optional<std::size_t> Machine::find_related(const Round& round, const Suspect& suspect) const {
  const auto component = component_of(suspect);
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < incidents_.size(); ++i) {
    const auto& known = incidents_[i].components;
    if (incidents_[i].quiet_until && is_worse(suspect, incidents_[i].suspect)) continue;
    const bool continues_present =
        !round.named[i] &&
        (same_fault(component, known.back()) || share_group(suspect, incidents_[i].suspect) ||
         (!incidents_[i].resolved_at && one_outage(suspect, incidents_[i].suspect)));
    const bool continues_past =
        std::any_of(known.begin(), known.end() - 1,
                    [&](const Component& past) { return same_fault(component, past); });
    // Two names of one window that the window itself cannot tell apart.
    const bool is_twin = std::ranges::any_of(
        round.attached[i], [&](const Suspect* other) { return share_group(suspect, *other); });
    if (!continues_present && !continues_past && !is_twin) continue;
    if (!best || rank(incidents_[i]) < rank(incidents_[*best])) best = i;
  }
  return best;
}

void Machine::begin(Round& round, Rng& rng, const Suspect& suspect) {
  if (incidents_.size() >= kIncidentsMax) {
    ++counters_.suspects_over_limit;
    return;
  }
  Incident incident;
  do {
    incident.id = fmt::format("i-{:012x}", rng() >> 16);
  } while (find(incident.id) != nullptr);
  incident.since = suspect.since.value_or(round.window.end);
  hold_responsible(incident, suspect);
  incidents_.push_back(std::move(incident));
  round.attached.push_back({&suspect});
  round.named.push_back(true);
  round.changed.push_back(true);
}

void Machine::note_present(Round& round, std::size_t index) {
  if (incidents_[index].quiet_until) return;  // somebody called it resolved
  auto& incident = round.touch(incidents_, index);
  const auto& lead = *round.attached[index].front();
  const bool is_sure = lead.posterior >= config_.confirm_posterior;
  incident.presence = incident.presence << 1 | (is_sure && !round.holds[index].opens_not);
  const bool unbroken = incident.windows_absent == 0;
  incident.windows_absent = 0;
  incident.last_present = round.window.end;
  if (incident.is_open()) {
    follow(round, index, lead);
    return;
  }
  if (incident.state == State::kPending) {
    hold_responsible(incident, lead);
    incident.components = {component_of(lead)};
    // The localizer's horizon moves on; what it once saw the beginning of began then.
    const WallTime since = lead.since.value_or(incident.since);
    incident.since = unbroken ? std::min(incident.since, since) : since;
  }
  if (is_confirmed(incident.presence, lead.fault_class)) open(round, index, lead);
}

void Machine::open(Round& round, std::size_t index, const Suspect& lead) {
  auto& incident = incidents_[index];
  const bool again = incident.state == State::kResolved;
  if (again) {
    hold_responsible(incident, lead);
    ++incident.reopened;
    ++counters_.reopened;
    incident.resolved_at.reset();
    incident.resolution.clear();
    incident.acknowledged_at.reset();
    incident.acknowledged_by.clear();
    incident.held_by = round.holds[index].by;
  } else {
    incident.opened_at = round.window.end;
    ++counters_.opened;
  }
  incident.state = State::kOpen;
  tell(round, EventKind::kOpened, incident, again ? "opened again" : "opened");
}

void Machine::note_absent(Round& round, std::size_t index) {
  auto& incident = incidents_[index];
  if (!round.window.enough_data || is_explained(round, index)) return;
  if (incident.is_open() && round.holds[index].explained) return;  // nobody can tell
  if (std::ranges::find(round.window.unmeasured, incident.components.back().id) !=
      round.window.unmeasured.end()) {
    return;
  }
  if (incident.resolved_at && incident.presence == 0) return;  // nothing left to count
  round.touch(incidents_, index);
  incident.presence <<= 1;
  incident.contender_presence <<= 1;
  ++incident.windows_absent;
  if (incident.is_open()) {
    if (incident.windows_absent >= windows_to_resolve(incident)) {
      resolve(round, incident, std::string(kHealed));
    }
  } else if (incident.state == State::kPending && incident.windows_absent >= config_.confirm_of) {
    ++counters_.dissolved;
    round.outcome.erased.push_back(incident.id);
  }
}

// Whether another incident is about to be renamed to what explains this one too.
bool Machine::is_explained(const Round& round, std::size_t index) const {
  const auto& component = incidents_[index].components.back();
  for (std::size_t other = 0; other < incidents_.size(); ++other) {
    if (other == index) continue;
    for (const auto* suspect : round.attached[other]) {
      if (names(*suspect, incidents_[other].components.back())) continue;
      if (same_fault(component_of(*suspect), component) ||
          one_outage(*suspect, incidents_[index].suspect)) {
        return true;
      }
    }
  }
  return false;
}

// An open incident is still there; `lead` is the strongest of what continues it.
void Machine::follow(Round& round, std::size_t index, const Suspect& lead) {
  auto& incident = incidents_[index];
  const bool same_name =
      lead.id == incident.suspect.id || group_of(lead) == group_of(incident.suspect);
  if (!same_name || lead.fault_class != incident.suspect.fault_class) {
    contest(round, index, lead);
    return;
  }
  incident.contender_presence <<= 1;
  refresh(incident.suspect, lead);
  if (lead.posterior < config_.confirm_posterior) return;
  if (incident.held_by.empty() && !(incident.announced && incident.owed.empty())) {
    announce(round, EventKind::kUpdated, incident,
             incident.owed.empty() ? "opened" : incident.owed);
    return;
  }
  if (!loss_changed(lead, incident.loss_told)) return;
  tell(round, EventKind::kUpdated, incident,
       fmt::format("loss {:.3g} % -> {:.3g} %", 100 * incident.loss_told, 100 * lead.loss));
}

// `lead` would rename the incident, or change its class.
void Machine::contest(Round& round, std::size_t index, const Suspect& lead) {
  auto& incident = incidents_[index];
  if (incident.contender != key_of(lead)) {
    incident.contender = key_of(lead);
    incident.contender_presence = 0;
  }
  incident.contender_presence =
      incident.contender_presence << 1 | (lead.posterior >= config_.confirm_posterior);
  if (!is_confirmed(incident.contender_presence, lead.fault_class)) {
    for (const auto* suspect : round.attached[index]) {
      if (!names(*suspect, incident.components.back())) continue;
      refresh(incident.suspect, *suspect);
      break;
    }
    return;
  }
  incident.contender.clear();
  incident.contender_presence = 0;
  const bool renamed = lead.id != incident.suspect.id;
  auto reason =
      renamed ? fmt::format("now {}, before {}", lead.id, incident.suspect.id)
              : fmt::format("now {}, before {}", lead.fault_class, incident.suspect.fault_class);
  hold_responsible(incident, lead);
  tell(round, EventKind::kUpdated, incident, std::move(reason));
  if (renamed) merge_into(round, index);
}

// Other incidents that the renamed one explains too are the same fault.
void Machine::merge_into(Round& round, std::size_t index) {
  for (std::size_t i = 0; i < incidents_.size(); ++i) {
    auto& other = incidents_[i];
    if (i == index || other.resolved_at || !round.attached[i].empty()) continue;
    const auto& explanation = incidents_[index];
    if (!same_fault(other.components.back(), explanation.components.back()) &&
        !one_outage(other.suspect, explanation.suspect)) {
      continue;
    }
    round.touch(incidents_, i);
    if (other.is_open()) {
      resolve(round, other, fmt::format("merged into {}", incidents_[index].id));
    } else {
      ++counters_.dissolved;
      round.outcome.erased.push_back(other.id);
    }
  }
}

void Machine::resolve(Round& round, Incident& incident, std::string resolution) {
  incident.state = State::kResolved;
  incident.resolved_at = round.window.end;
  incident.resolution = std::move(resolution);
  end_confirmation(incident, round.window.end);
  incident.held_by.clear();
  incident.owed.clear();
  incident.presence = 0;
  incident.contender.clear();
  incident.contender_presence = 0;
  ++counters_.resolved;
  tell(round, EventKind::kResolved, incident, incident.resolution);
}

bool Machine::note_changes(std::string_view id, std::vector<Change> changes) {
  const auto found = std::ranges::find(incidents_, id, &Incident::id);
  if (found == incidents_.end()) return false;
  changes.resize(std::min(changes.size(), kChangesPerIncidentMax));
  for (auto& change : changes) {
    change.time = std::chrono::floor<std::chrono::milliseconds>(change.time);
  }
  if (found->changes == changes) return false;
  found->changes = std::move(changes);
  return true;
}

bool Machine::note_confirmation(std::string_view id, Confirmation confirmation) {
  const auto found = std::ranges::find(incidents_, id, &Incident::id);
  if (found == incidents_.end() || found->confirmation == confirmation) return false;
  // A test that brought nothing yet does not replace what another one found.
  if (found->confirmation && found->confirmation->ended_at && confirmation.packets == 0)
    return false;
  found->confirmation = std::move(confirmation);
  return true;
}

const Incident* Machine::find(std::string_view id) const {
  const auto found = std::ranges::find(incidents_, id, &Incident::id);
  return found == incidents_.end() ? nullptr : &*found;
}

std::size_t Machine::open_count() const {
  return static_cast<std::size_t>(std::ranges::count_if(incidents_, &Incident::is_open));
}

bool Machine::is_confirmed(std::uint32_t presence, std::string_view fault_class) const {
  const bool is_queue = fault_class == "congestion";
  const auto wanted = is_queue ? config_.congestion_windows : config_.confirm_windows;
  const auto of = is_queue ? config_.congestion_of : config_.confirm_of;
  const std::uint32_t recent = presence & (~std::uint32_t{0} >> (32 - of));
  return static_cast<std::uint32_t>(std::popcount(recent)) >= wanted;
}

std::uint32_t Machine::windows_to_resolve(const Incident& incident) const {
  constexpr std::uint32_t kDoublingsMax = 6;  // 1 << 6 is beyond kResolveWindowsMax
  const auto doubled = config_.resolve_windows << std::min(incident.reopened, kDoublingsMax);
  return std::min(doubled, kResolveWindowsMax);
}

}  // namespace faultline::incident
