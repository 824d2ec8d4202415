#include "controller/core/telling.h"

#include <algorithm>
#include <iterator>
#include <sstream>

#include "controller/core/alerts.h"
#include "controller/core/documents.h"

namespace faultline::core {
namespace {

// Of the nodes that the fault harms: what the routes match.
std::map<std::string, std::vector<std::string>> labels_of(const std::vector<std::string>& nodes,
                                                          const fleet::Fleet& fleet) {
  std::map<std::string, std::set<std::string>> values;
  for (const auto& name : nodes) {
    const auto* node = fleet.find(name);
    if (node == nullptr) continue;
    for (const auto& [label, value] : fleet::effective_labels(node->record)) {
      values[label].insert(value);
    }
  }
  std::map<std::string, std::vector<std::string>> labels;
  for (auto& [label, set] : values) labels[label] = {set.begin(), set.end()};
  return labels;
}

// Receivers' names, one a line: names hold no line ends.
std::set<std::string> names_in(const std::string& record) {
  std::set<std::string> names;
  std::istringstream lines(record);
  for (std::string name; std::getline(lines, name);) names.insert(name);
  return names;
}

std::string record_of(const std::set<std::string>& names) {
  std::string record;
  for (const auto& name : names) record += name + "\n";
  return record;
}

}  // namespace

Telling::Telling(TellingOptions options, std::vector<std::string> receivers)
    : options_(std::move(options)), receivers_(std::move(receivers)), watchdog_(options_.watchdog) {
  for (const auto& receiver : receivers_) {
    const auto pace = options_.paces.find(receiver);
    outbox_.set_pace(receiver, pace == options_.paces.end() ? notify::Pace{} : pace->second);
  }
}

void Telling::restore(std::vector<notify::OutboxEntry> entries,
                      const std::map<std::string, std::string>& records) {
  for (auto& entry : entries) outbox_.restore(std::move(entry));
  for (const auto& [key, record] : records) {
    if (key == kWatchdogKey) {
      (void)watchdog_.restore(record);
    } else if (key.starts_with(kToldPrefix)) {
      told_[key.substr(kToldPrefix.size())] = names_in(record);
    }
  }
}

notify::Alert Telling::complete(notify::Alert alert, const fleet::Fleet& fleet) const {
  alert.labels = labels_of(alert.affected_nodes, fleet);
  if (options_.link) alert.link = options_.link->render(alert, notify::Escape::kNone);
  return alert;
}

void Telling::add(const std::string& receiver, const notify::Alert& alert, WallTime now,
                  std::vector<DocumentWrite>& writes) {
  const auto changes = outbox_.add({.receiver = receiver,
                                    .idempotency_key = notify::idempotency_key(alert),
                                    .incident = alert.incident,
                                    .body = notify::alert_json(alert),
                                    .supersedable = alert.event == notify::AlertEvent::kUpdated,
                                    .supersedes = alert.event != notify::AlertEvent::kAcknowledged},
                                   now);
  std::ranges::move(to_writes(changes), std::back_inserter(writes));
}

std::vector<DocumentWrite> Telling::tell(const incident::Event& event, const fleet::Fleet& fleet,
                                         WallTime now, std::string& summary) {
  const auto alert = complete(to_alert(event, now), fleet);
  summary = alert.summary;
  std::vector<DocumentWrite> writes;
  send(alert, now, writes);
  return writes;
}

// To those that its route names and those that know of it.
void Telling::send(const notify::Alert& alert, WallTime now, std::vector<DocumentWrite>& writes) {
  // Who does not know that it is open need not know that somebody is on it.
  auto receivers = alert.event == notify::AlertEvent::kAcknowledged
                       ? std::set<std::string>()
                       : notify::receivers_for(options_.routes, receivers_, alert);
  receivers.erase(notify::stuck_receiver(alert));
  auto& told = told_[alert.incident];
  const auto before = told;
  told.merge(receivers);
  for (const auto& receiver : receivers_) {
    if (told.contains(receiver)) add(receiver, alert, now, writes);
  }
  const auto key = std::string(kToldPrefix) + alert.incident;
  if (alert.event == notify::AlertEvent::kResolved) {
    told_.erase(alert.incident);
    writes.push_back({Document::kOutbox, key, std::nullopt});
  } else if (told.empty()) {
    told_.erase(alert.incident);
  } else if (told != before) {
    writes.push_back({Document::kOutbox, key, record_of(told)});
  }
}

std::vector<DocumentWrite> Telling::watch(const notify::Vitals& vitals, Instant now,
                                          WallTime wall) {
  std::vector<DocumentWrite> writes;
  const auto alerts = watchdog_.judge(vitals, now, wall);
  if (alerts.empty()) return writes;
  for (auto alert : alerts) {
    if (options_.link) alert.link = options_.link->render(alert, notify::Escape::kNone);
    send(alert, wall, writes);
  }
  writes.push_back({Document::kOutbox, std::string(kWatchdogKey), watchdog_.to_record()});
  return writes;
}

std::vector<DocumentWrite> Telling::remind(const std::vector<incident::Incident>& incidents,
                                           const fleet::Fleet& fleet, Instant now, WallTime wall) {
  std::vector<DocumentWrite> writes;
  for (const auto& [receiver, interval] : options_.reminders) {
    auto& last = reminded_.emplace(receiver, now).first->second;
    if (now - last < interval) continue;
    last = now;
    for (const auto& incident : incidents) {
      if (!incident.is_open()) continue;
      const incident::Event event{incident::EventKind::kUpdated, incident, {}};
      const auto alert = complete(to_alert(event, wall), fleet);
      const auto told = told_.find(incident.id);
      if (told == told_.end() || !told->second.contains(receiver)) continue;
      add(receiver, alert, wall, writes);
    }
  }
  return writes;
}

}  // namespace faultline::core
