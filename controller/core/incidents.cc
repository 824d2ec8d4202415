// ControllerCore's side of incidents: what is judged, what operators do, and what comes of both.
#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "controller/core/alerts.h"
#include "controller/core/blast_radius.h"
#include "controller/core/core.h"
#include "controller/core/live_detector.h"
#include "controller/core/selector_check.h"

namespace faultline::core {

incident::JudgedWindow ControllerCore::judged_window(Now now) const {
  auto window = to_judged_window(*solution_);
  std::ranges::move(abnormal_suspects(*solution_, options_.abnormal_incidents),
                    std::back_inserter(window.suspects));
  std::ranges::move(findings_.suspects(), std::back_inserter(window.suspects));
  std::ranges::move(standing_.suspects(now.instant), std::back_inserter(window.suspects));
  window.judged_at = now.wall;
  const bool looks_back_again = is_recalling() && recall_.again;
  window.enough_data &= now.instant >= evidence_whole_at_ && !looks_back_again;
  name_absent(fleet_, window);
  add_reachability(now, window);
  if (window.suspects.empty()) return window;
  const Surroundings surroundings(fleet_, *topology_, solution_->attachments);
  for (auto& suspect : window.suspects) {
    surroundings.describe(suspect);
    tell_reachability(fleet_, inquiries_, suspect);
  }
  return window;
}

// Incidents, silences and the alerts about them are durable together.
void ControllerCore::settle(Now now, const incident::Outcome& outcome, AfterCommit after,
                            EffectSink& effects) {
  std::vector<DocumentWrite> writes;
  for (const auto& incident : outcome.changed) {
    writes.push_back({Document::kIncident, incident.id, incident::to_json(incident)});
  }
  for (const auto& id : outcome.erased) writes.push_back({Document::kIncident, id, std::nullopt});
  for (const auto& silence : outcome.silences) {
    writes.push_back({Document::kSilence, silence.id, incident::to_json(silence)});
  }
  for (const auto& id : outcome.silences_erased) {
    writes.push_back({Document::kSilence, id, std::nullopt});
  }
  for (const auto& happened : outcome.events) {
    std::string summary;
    auto told = telling_.tell(happened, fleet_, now.wall, summary);
    effects.log(Severity::kWarning, "incident",
                fmt::format("{} {}: {}", happened.incident.id, to_string(happened.kind), summary));
    std::ranges::move(told, std::back_inserter(writes));
  }
  documents_.commit(std::move(writes), std::move(after), effects);
}

void ControllerCore::answer_with(Now now, std::uint64_t request,
                                 const Result<incident::Outcome>& outcome, EffectSink& effects) {
  if (!outcome) return effects.answer(request, tl::unexpected(outcome.error()));
  settle(now, *outcome, {.messages = {}, .answer = request}, effects);
}

void ControllerCore::on(Now now, const ActOnIncident& event, EffectSink& effects) {
  const auto act = [&]() -> Result<incident::Outcome> {
    switch (event.action) {
      case IncidentAction::kAcknowledge:
        return incidents_.acknowledge(event.incident, event.by, now.wall);
      case IncidentAction::kResolve:
        return incidents_.resolve(event.incident, event.by, event.text, now.wall);
      case IncidentAction::kNote:
        return incidents_.note(event.incident, event.by, event.text, now.wall);
    }
    return fail(ErrorCode::kInvalid, "there is no such action");
  };
  answer_with(now, event.request, act(), effects);
}

void ControllerCore::on(Now now, AddSilence event, EffectSink& effects) {
  settle_topology();
  if (auto known = check_selector(event.silence.selector, fleet_, *topology_, *paths_,
                                  incidents_.incidents());
      !known) {
    return effects.answer(event.request, std::move(known));
  }
  answer_with(now, event.request, incidents_.add_silence(std::move(event.silence), now.wall),
              effects);
}

void ControllerCore::on(Now now, const EndSilence& event, EffectSink& effects) {
  answer_with(now, event.request, incidents_.end_silence(event.id, event.by, now.wall), effects);
}

}  // namespace faultline::core
