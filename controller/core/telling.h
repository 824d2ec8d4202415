// Telling: who is told what, until he has it: routes, outbox and watchdog, composed.
//
// Why it exists: an incident becomes alerts for some of the receivers, Alertmanager must be
// reminded of what is open, and the product's own troubles take the same way.
//
// Every function that returns DocumentWrites has changed what they hold: they are to be committed
// together with whatever caused them. Thread safety: none; owned by the core.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/base/time.h"
#include "controller/core/effects.h"
#include "controller/fleet/fleet.h"
#include "controller/incident/machine.h"
#include "controller/notify/outbox.h"
#include "controller/notify/routes.h"
#include "controller/notify/template.h"
#include "controller/notify/watchdog.h"

namespace faultline::core {

// Records of this class that lie among those of the outbox; their keys are no numbers.
inline constexpr std::string_view kWatchdogKey = "watchdog";
inline constexpr std::string_view kToldPrefix = "told-";  // and an incident

struct TellingOptions {
  std::vector<notify::Route> routes;
  std::map<std::string, notify::Pace> paces;  // of receivers that have one
  // Receivers that forget, and are told of what is open again so often.
  std::map<std::string, Duration> reminders;
  std::optional<notify::Template> link;  // to a page about the incident
  notify::WatchdogOptions watchdog;
};

class Telling {
 public:
  // `receivers`: their names, in the configuration's order.
  Telling(TellingOptions options, std::vector<std::string> receivers);

  // `records` by key. One that cannot be read is left out: it costs an alarm told twice, or a
  // resolve that goes where its opening would go now.
  void restore(std::vector<notify::OutboxEntry> entries,
               const std::map<std::string, std::string>& records);

  // An alert of an incident; `summary`, for the log, is what it says.
  [[nodiscard]] std::vector<DocumentWrite> tell(const incident::Event& event,
                                                const fleet::Fleet& fleet, WallTime now,
                                                std::string& summary);
  // What the watchdog has to say.
  [[nodiscard]] std::vector<DocumentWrite> watch(const notify::Vitals& vitals, Instant now,
                                                 WallTime wall);
  // Reminders that are due.
  [[nodiscard]] std::vector<DocumentWrite> remind(const std::vector<incident::Incident>& incidents,
                                                  const fleet::Fleet& fleet, Instant now,
                                                  WallTime wall);

  [[nodiscard]] notify::Outbox& outbox() { return outbox_; }
  [[nodiscard]] const notify::Outbox& outbox() const { return outbox_; }
  [[nodiscard]] const notify::Watchdog& watchdog() const { return watchdog_; }

 private:
  [[nodiscard]] notify::Alert complete(notify::Alert alert, const fleet::Fleet& fleet) const;
  void send(const notify::Alert& alert, WallTime now, std::vector<DocumentWrite>& writes);
  void add(const std::string& receiver, const notify::Alert& alert, WallTime now,
           std::vector<DocumentWrite>& writes);

  TellingOptions options_;
  std::vector<std::string> receivers_;
  notify::Outbox outbox_;
  notify::Watchdog watchdog_;
  // By incident that is not over, who was told of it: he hears the end too, wherever a changed
  // severity or component would lead by then.
  std::map<std::string, std::set<std::string>> told_;
  std::map<std::string, Instant> reminded_;  // by receiver
};

}  // namespace faultline::core
