#include "controller/app/vitals.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace faultline::app {
namespace {

constexpr double kOverloadedMin = 0.1;  // one packet in a hundred dropped by the prober itself

}  // namespace

notify::Vitals read_vitals(const Snapshot& snapshot, std::uint64_t disk_free_bytes) {
  const auto& status = snapshot.status;
  notify::Vitals vitals{
      .window = snapshot.window,
      .nodes = status.nodes.total,
      .nodes_silent = status.nodes.silent - std::min(snapshot.nodes_relayed, status.nodes.silent),
      .sessions_planned = status.sessions.planned,
      .verdict_age = snapshot.verdict_age,
      .disk_free_bytes = {},
      .clock_offset_max = snapshot.extremes.clock_offset_max,
      .store_trouble = status.store.state == "ok" ? std::string() : status.store.state,
      .oldest_waiting = {},
      .dead_letters = snapshot.outbox.dead_faults,
      .alerts_shed = {},
      .overloaded = {},
      .results_lost = {},
      .windows_skipped = {},
      .clock_steps = {}};
  vitals.alerts_shed = snapshot.outbox.shed;
  vitals.results_lost = snapshot.intake.results_dropped;
  vitals.windows_skipped = snapshot.windows_skipped;
  vitals.clock_steps = snapshot.core.clock_steps;
  for (const auto& node : snapshot.nodes) {
    if (node.sick.value_or(0) >= kOverloadedMin) vitals.overloaded.push_back(node.name);
  }
  if (disk_free_bytes > 0) vitals.disk_free_bytes = disk_free_bytes;
  if (snapshot.alerts == nullptr) return vitals;
  for (const auto& line : snapshot.alerts->lines) {
    if (line.oldest) vitals.oldest_waiting[line.receiver] = status.generated_at - *line.oldest;
  }
  return vitals;
}

std::string heartbeat_json(const Snapshot& snapshot) {
  const auto& status = snapshot.status;
  nlohmann::ordered_json json{
      {"schema", "faultline.heartbeat/1"}, {"generated_at", format_rfc3339(status.generated_at)},
      {"verdict", status.verdict},         {"nodes_live", status.nodes.live},
      {"nodes_total", status.nodes.total}, {"incidents_open", status.incidents_open},
      {"troubles", snapshot.watchdog}};
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace faultline::app
