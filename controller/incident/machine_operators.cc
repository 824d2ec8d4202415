// What operators do to incidents, apart from the windows.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "controller/incident/machine.h"

namespace faultline::incident {
namespace {

WallTime stored(WallTime time) { return std::chrono::floor<std::chrono::milliseconds>(time); }

Status check_author(const std::string& by) {
  if (!by.empty() && by.size() <= kAuthorBytesMax) return {};
  return fail(ErrorCode::kInvalid,
              fmt::format("the author must have 1 to {} bytes", kAuthorBytesMax));
}

Status check_text(const std::string& text, bool required) {
  if (text.size() <= kNoteBytesMax && !(required && text.empty())) return {};
  return fail(ErrorCode::kInvalid,
              fmt::format("the text must have {} to {} bytes", required ? 1 : 0, kNoteBytesMax));
}

tl::unexpected<Error> unknown(std::string_view id) {
  return fail(ErrorCode::kNotFound, fmt::format("no incident {} is open", id.substr(0, 64)));
}

}  // namespace

Result<Incident*> Machine::find_open(std::string_view id) {
  const auto found = std::ranges::find(incidents_, id, &Incident::id);
  if (found == incidents_.end()) return unknown(id);
  if (!found->is_open()) {
    return fail(ErrorCode::kConflict,
                fmt::format("incident {} is {}, not open", found->id, to_string(found->state)));
  }
  return &*found;
}

Result<Outcome> Machine::acknowledge(std::string_view id, std::string by, WallTime now) {
  FAULTLINE_TRY_STATUS(check_author(by));
  FAULTLINE_TRY(auto* incident, find_open(id));
  Outcome outcome;
  if (incident->state == State::kAcknowledged) return outcome;
  incident->state = State::kAcknowledged;
  incident->acknowledged_at = stored(now);
  incident->acknowledged_by = by;
  ++counters_.acknowledged;
  remember(*incident, {.at = stored(now), .what = "acknowledged", .by = by, .text = {}});
  if (incident->announced) {
    ++incident->revision;
    outcome.events.push_back({EventKind::kAcknowledged, *incident, fmt::format("by {}", by)});
  }
  outcome.changed.push_back(*incident);
  return outcome;
}

Result<Outcome> Machine::resolve(std::string_view id, std::string by, std::string why,
                                 WallTime now) {
  FAULTLINE_TRY_STATUS(check_author(by));
  FAULTLINE_TRY_STATUS(check_text(why, false));
  FAULTLINE_TRY(auto* incident, find_open(id));
  incident->state = State::kResolved;
  incident->resolved_at = stored(now);
  incident->resolved_by = by;
  end_confirmation(*incident, stored(now));
  incident->resolution = fmt::format("by {}{}{}", by, why.empty() ? "" : ": ", why);
  incident->quiet_until = stored(now) + config_.quiet_after_resolve;
  incident->held_by.clear();
  incident->owed.clear();
  incident->presence = 0;
  incident->contender.clear();
  incident->contender_presence = 0;
  ++counters_.resolved;
  remember(*incident, {.at = stored(now), .what = "resolved", .by = by, .text = why});
  Outcome outcome;
  if (std::exchange(incident->announced, false)) {
    ++incident->revision;
    outcome.events.push_back({EventKind::kResolved, *incident, incident->resolution});
  }
  outcome.changed.push_back(*incident);
  return outcome;
}

Result<Outcome> Machine::note(std::string_view id, std::string by, std::string text, WallTime now) {
  FAULTLINE_TRY_STATUS(check_author(by));
  FAULTLINE_TRY_STATUS(check_text(text, true));
  const auto found = std::ranges::find(incidents_, id, &Incident::id);
  if (found == incidents_.end()) return unknown(id);
  if (std::ranges::count(found->history, "note", &Entry::what) >= std::ptrdiff_t{kNotesMax}) {
    ++counters_.notes_refused;
    return fail(ErrorCode::kLimit,
                fmt::format("incident {} has {} notes already", found->id, kNotesMax));
  }
  remember(*found,
           {.at = stored(now), .what = "note", .by = std::move(by), .text = std::move(text)});
  Outcome outcome;
  outcome.changed.push_back(*found);
  return outcome;
}

Result<Outcome> Machine::add_silence(SilenceRequest request, WallTime now) {
  if (const auto named = request.selector.find("incident"); named != request.selector.end()) {
    for (const auto& id : named->second) {
      if (find(id) == nullptr) return unknown(id);
    }
  }
  FAULTLINE_TRY(auto silence, silences_.add(std::move(request), now));
  Outcome outcome;
  outcome.silences.push_back(std::move(silence));
  return outcome;
}

Result<Outcome> Machine::end_silence(std::string_view id, std::string by, WallTime now) {
  FAULTLINE_TRY_STATUS(check_author(by));
  FAULTLINE_TRY(auto silence, silences_.end(id, std::move(by), now));
  Outcome outcome;
  outcome.silences.push_back(std::move(silence));
  return outcome;
}

void end_confirmation(Incident& incident, WallTime now) {
  auto& test = incident.confirmation;
  if (!test || test->ended_at) return;
  test->outcome = "ended";
  test->ended_at = now;
}

void remember(Incident& incident, Entry entry) {
  auto& history = incident.history;
  if (history.size() >= kHistoryMax) {
    // How it opened stays, too.
    const auto oldest = std::ranges::find_if(history.begin() + 1, history.end(),
                                             [](const Entry& old) { return old.what != "note"; });
    if (oldest != history.end()) history.erase(oldest);
    ++incident.history_omitted;
  }
  history.push_back(std::move(entry));
}

}  // namespace faultline::incident
