#include "controller/api/views_json.h"

#include <map>

#include <fmt/format.h>

#include "controller/api/json_parts.h"
#include "controller/api/reach_json.h"
#include "controller/localize/verdict_json.h"

namespace faultline::api {
namespace {

// As short_name() of a key.
constexpr std::size_t kFingerprintDigits = 12;

Json document(std::string_view schema) { return Json{{"schema", schema}}; }

Json seconds(Duration duration) {
  if (duration % std::chrono::seconds{1} == Duration::zero()) {
    return Json(std::chrono::duration_cast<std::chrono::seconds>(duration).count());
  }
  return Json(std::chrono::duration<double>(duration).count());
}

Json ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? Json(nullptr) : Json(static_cast<double>(part) / static_cast<double>(whole));
}

std::uint64_t minus(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

}  // namespace

static Json json(const SuspectView& suspect) {
  return Json{{"kind", suspect.kind},
              {"id", suspect.id},
              {"class", suspect.fault_class},
              {"posterior", suspect.posterior},
              {"loss", or_null(suspect.loss)},
              {"since", or_null(suspect.since)},
              {"ambiguous_with", suspect.ambiguous_with},
              {"incident", or_null(suspect.incident)},
              {"incident_state", or_null(suspect.incident_state)},
              {"held_by", or_null(suspect.held_by)}};
}

static Json json(const NodeView& node) {
  return Json{{"id", node.id},
              {"name", node.name},
              {"state", to_string(node.state)},
              {"kind", faultline::to_string(node.kind)},
              {"labels", Json(node.labels)},
              {"address", or_null(node.address)},
              {"software", or_null(node.software)},
              {"key", or_null(node.key)},
              {"joined_at", or_null(node.joined_at)},
              {"last_seen", or_null(node.last_seen)},
              {"plan_revision", or_null(node.plan_revision)},
              {"last_window", or_null(node.last_window)},
              {"clock_offset_ms", or_null(node.clock_offset_ms)},
              {"spool_batches", or_null(node.spool_batches)},
              {"spool_bytes", or_null(node.spool_bytes)},
              {"results_dropped", node.results_dropped},
              {"sick", or_null(node.sick)},
              {"sick_reason", or_null(node.sick_reason)},
              {"clock", or_null(node.clock)},
              {"reach", node.reach ? json(*node.reach) : Json(nullptr)}};
}

static Json json(const TrustedKeyView& key) {
  return Json{{"fingerprint", key.key.substr(0, kFingerprintDigits)},
              {"state", key.state},
              {"since", or_null(key.since)},
              {"key", key.key}};
}

static Json json(const TrustedNodeView& node) {
  return Json{{"name", node.name},
              {"state", node.state},
              {"how", node.how},
              {"since", or_null(node.since)},
              {"keys", list(node.keys, json)},
              {"rekey_asked", node.rekey_asked},
              {"knows_controller_keys", node.knows_controller_keys}};
}

static Json json(const TokenView& token) {
  return Json{{"id", token.id},
              {"node", or_null(token.node)},
              {"labels", Json(token.labels)},
              {"created_at", format_rfc3339(token.created_at)},
              {"expires", or_null(token.expires_at)}};
}

static Json json(const MatrixCell* cell) {
  if (cell == nullptr) return nullptr;
  return Json{{"flows", cell->flows},
              {"sent", cell->sent},
              {"lost", cell->lost},
              {"undetermined", cell->undetermined},
              {"loss", ratio(cell->lost, minus(cell->sent, cell->undetermined))},
              {"rtt_p50_us", or_null(cell->rtt_p50_us)},
              {"rtt_p99_us", or_null(cell->rtt_p99_us)}};
}

static Json json(const HopView& hop) {
  return Json{{"address", or_null(hop.address)},
              {"device", or_null(hop.device)},
              {"link", or_null(hop.link)}};
}

static Json json(const std::optional<TracedPathView>& path) {
  if (!path) return nullptr;
  return Json{{"complete", path->complete},
              {"traced_at", format_rfc3339(path->traced_at)},
              {"hops", list(path->hops, json)}};
}

// The denominators are FIELD.md's rule for one-way loss: undetermined losses count for neither way,
// and what was lost on the way there never tried the way back.
static Json json(const Measured& measured) {
  const auto tried_forward = minus(measured.sent, measured.lost_undetermined);
  const auto tried_return = minus(tried_forward, measured.lost_forward);
  return Json{{"sent", measured.sent},
              {"lost_forward", measured.lost_forward},
              {"lost_return", measured.lost_return},
              {"lost_undetermined", measured.lost_undetermined},
              {"loss_forward", ratio(measured.lost_forward, tried_forward)},
              {"loss_return", ratio(measured.lost_return, tried_return)},
              {"rtt_min_us", or_null(measured.rtt_min_us)},
              {"rtt_mean_us", or_null(measured.rtt_mean_us)},
              {"rtt_max_us", or_null(measured.rtt_max_us)}};
}

static Json json(const FlowPathView& flow) {
  return Json{{"source_port", flow.source_port},
              {"forward_path", json(flow.forward_path)},
              {"return_path", json(flow.return_path)},
              {"measured", flow.measured ? json(*flow.measured) : Json(nullptr)}};
}

static Json json(const HistoryRow& row) {
  Json result{{"window_start", format_rfc3339(row.window_start)}, {"flows", row.flows}};
  result.update(json(row.measured));
  result["rtt_p50_us"] = or_null(row.rtt_p50_us);
  result["rtt_p99_us"] = or_null(row.rtt_p99_us);
  return result;
}

static Json json(const IncidentEventView& event) {
  return Json{{"at", format_rfc3339(event.at)},
              {"what", event.what},
              {"by", or_null(event.by)},
              {"text", event.text}};
}

static Json changes_json(const std::vector<incident::Change>& changes) {
  auto result = Json::array();
  for (const auto& change : changes) {
    result.push_back(Json{{"time", format_rfc3339(change.time)},
                          {"kind", change.kind},
                          {"subject", change.subject},
                          {"before", or_null(change.before)},
                          {"after", or_null(change.after)}});
  }
  return result;
}

static Json json(const incident::Confirmation& confirmation) {
  return Json{{"component", confirmation.component},
              {"outcome", confirmation.outcome},
              {"began_at", format_rfc3339(confirmation.began_at)},
              {"ended_at", or_null(confirmation.ended_at)},
              {"before", confirmation.before},
              {"after", confirmation.after},
              {"packets", confirmation.packets}};
}

static Json json(const incident::Remedy& remedy) {
  return Json{{"evidence", remedy.evidence},
              {"text", remedy.text},
              {"command", remedy.command},
              {"run_on", remedy.run_on}};
}

static Json json(const IncidentView& incident) {
  const auto& evidence = incident.evidence;
  return Json{{"id", incident.id},
              {"state", incident.state},
              {"severity", or_null(incident.severity)},
              {"component",
               {{"kind", incident.kind},
                {"id", incident.component},
                {"from", or_null(incident.from)},
                {"to", or_null(incident.to)}}},
              {"class", incident.fault_class},
              {"posterior", incident.posterior},
              {"loss", or_null(incident.loss)},
              {"loss_low", or_null(incident.loss_low)},
              {"loss_high", or_null(incident.loss_high)},
              {"delay_us", or_null(incident.delay_us)},
              {"delay_p95_us", or_null(incident.delay_p95_us)},
              {"mtu", or_null(incident.mtu)},
              {"since", or_null(incident.since)},
              {"opened_at", format_rfc3339(incident.opened_at)},
              {"updated_at", format_rfc3339(incident.updated_at)},
              {"resolved_at", or_null(incident.resolved_at)},
              {"resolution", or_null(incident.resolution)},
              {"acknowledged_at", or_null(incident.acknowledged_at)},
              {"acknowledged_by", or_null(incident.acknowledged_by)},
              {"held_by", or_null(incident.held_by)},
              {"summary", incident.summary},
              {"ambiguous_with", Json(incident.ambiguous_with)},
              {"affected_nodes", Json(incident.affected_nodes)},
              {"affected_vms", Json(incident.affected_vms)},
              {"affected_racks", Json(incident.affected_racks)},
              {"affected_zones", Json(incident.affected_zones)},
              {"counter_evidence", Json(incident.counter_evidence)},
              {"remedy", incident.remedy ? json(*incident.remedy) : Json()},
              {"changes", changes_json(incident.changes)},
              {"confirmation", incident.confirmation ? json(*incident.confirmation) : Json()},
              {"evidence",
               {{"bad_flows", evidence.bad_flows},
                {"bad_flows_crossing", evidence.bad_flows_crossing},
                {"good_flows_crossing", evidence.good_flows_crossing},
                {"good_flows", evidence.good_flows}}}};
}

static Json json(const DeviceView& device) {
  return Json{{"id", device.id},
              {"kind", device.kind},
              {"tier", or_null(device.tier)},
              {"addresses", Json(device.addresses)},
              {"declared", device.declared},
              {"seen", device.seen}};
}

static Json json(const LinkView& link) {
  return Json{{"id", link.id},
              {"from", link.from},
              {"to", link.to},
              {"flows", link.flows},
              {"declared", link.declared}};
}

static Json json(const MachineView& machine) {
  return Json{{"vm", machine.vm},
              {"nic", machine.nic},
              {"host", or_null(machine.host)},
              {"mode", machine.mode},
              {"bridge", or_null(machine.bridge)},
              {"port", or_null(machine.port)},
              {"uplink", or_null(machine.uplink)},
              {"proven", machine.proven},
              {"evidence", Json(machine.evidence)}};
}

static Json json(const SwitchPortView& port) {
  return Json{{"node", port.node},     {"nic", port.nic},
              {"device", port.device}, {"port", port.port},
              {"known", port.known},   {"vlan", port.vlan ? Json(*port.vlan) : Json()}};
}

namespace {

Json ingest_and_store(const StatusView& status) {
  return Json{{"ingest",
               {{"batches", status.ingest.batches},
                {"duplicates", status.ingest.duplicates},
                {"refused", status.ingest.refused},
                {"gaps", status.ingest.gaps},
                {"results_dropped", status.ingest.results_dropped}}},
              {"store",
               {{"directory", status.store.directory},
                {"bytes", status.store.bytes},
                {"oldest_window", or_null(status.store.oldest_window)},
                {"state", status.store.state}}}};
}

// Graphviz takes any text between double quotes once quotes and backslashes are escaped.
std::string dot_quoted(std::string_view id) {
  std::string result = "\"";
  for (const char c : id) {
    if (c == '"' || c == '\\') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result + "\"";
}

}  // namespace

std::string version_json(std::string_view controller_version) {
  auto json = document("faultline.version/1");
  json["controller_version"] = controller_version;
  json["api_version"] = 1;
  return text(json);
}

std::string status_json(const StatusView& status) {
  auto result = document("faultline.status/1");
  result["generated_at"] = format_rfc3339(status.generated_at);
  result["health"] = to_string(status.health);
  result["verdict"] = status.verdict;
  result["suspects"] = list(status.suspects, json);
  result["incidents_open"] = status.incidents_open;
  result["nodes"] = {{"total", status.nodes.total},
                     {"live", status.nodes.live},
                     {"silent", status.nodes.silent},
                     {"silent_names", Json(status.silent_nodes)},
                     {"in_question", list(status.in_question, json)},
                     {"restarting", status.nodes.restarting}};
  result["sessions"] = {{"planned", status.sessions.planned},
                        {"reporting", status.sessions.reporting}};
  result["paths"] = {{"expected", status.paths.expected},
                     {"forward_known", status.paths.forward_known},
                     {"return_known", status.paths.return_known}};
  result["plan_revision"] = or_null(status.plan_revision);
  result["window_s"] = seconds(status.window);
  result["window_judged"] = or_null(status.window_judged);
  result.update(ingest_and_store(status));
  result["controller"] = {{"version", status.controller_version},
                          {"started_at", format_rfc3339(status.started_at)},
                          {"uptime_s", seconds(status.uptime)}};
  return text(result);
}

std::string nodes_json(const std::vector<NodeView>& nodes) {
  auto result = document("faultline.nodes/1");
  result["nodes"] = list(nodes, json);
  return text(result);
}

std::string node_json(const NodeView& node) {
  auto result = document("faultline.node/1");
  result.update(json(node));
  return text(result);
}

std::string trust_json(const TrustView& trust) {
  auto result = document("faultline.trust/1");
  result["controller"] = {{"keys", list(trust.controller_keys, json)},
                          {"acknowledged", trust.acknowledged},
                          {"nodes", trust.nodes.size()},
                          {"missing", Json(trust.missing)},
                          {"missing_omitted", trust.missing_omitted}};
  result["nodes"] = list(trust.nodes, json);
  result["tokens"] = list(trust.tokens, json);
  return text(result);
}

std::string rekey_json(const RekeyView& rekey) {
  auto result = document("faultline.rekey/1");
  result["kind"] = rekey.kind;
  result["name"] = rekey.name;
  result["state"] = rekey.state;
  result["missing"] = Json(rekey.missing);
  result["missing_omitted"] = rekey.missing_omitted;
  return text(result);
}

std::string tokens_json(const std::vector<TokenView>& tokens) {
  auto result = document("faultline.tokens/1");
  result["tokens"] = list(tokens, json);
  return text(result);
}

std::string new_token_json(const NewToken& token) {
  auto result = document("faultline.token/1");
  result["token"] = token.secret;
  result.update(json(token.token));
  return text(result);
}

std::string removed_json(std::string_view kind, std::string_view name) {
  auto result = document("faultline.removed/1");
  result["kind"] = kind;
  result["name"] = name;
  return text(result);
}

std::string checkpoint_json(const std::string& directory) {
  auto result = document("faultline.checkpoint/1");
  result["directory"] = directory;
  return text(result);
}

std::string matrix_json(const MatrixView& matrix) {
  auto result = document("faultline.matrix/1");
  result["by"] = matrix.by;
  result["from"] = format_rfc3339(matrix.from);
  result["to"] = format_rfc3339(matrix.to);
  result["groups"] = matrix.groups;
  // Row by row: a million cells as values of JSON would take a gigabyte.
  std::string written = text(result);
  written.erase(written.rfind('}'));
  written += ",\"rows\":[";
  for (std::size_t row = 0; row < matrix.groups.size(); ++row) {
    Json cells = Json::array();
    for (std::size_t column = 0; column < matrix.groups.size(); ++column) {
      cells.push_back(json(matrix.cell(row, column)));
    }
    if (row > 0) written += ',';
    written += text({{"from", matrix.groups[row]}, {"cells", std::move(cells)}});
    written.pop_back();  // the end of its line
  }
  return written + "]}\n";
}

// The document that the CLI also makes without a controller, and until when it holds.
std::string localize_json(const LocalizeAnswer& answer) {
  auto json = Json::parse(localize::verdict_json(answer.verdict, answer.solve_ms));
  json["judged_until"] = or_null(answer.judged_until);
  return json.dump(2) + "\n";
}

std::string path_json(const PathView& path) {
  auto result = document("faultline.path/1");
  result["src"] = path.src;
  result["dst"] = path.dst;
  result["window_judged"] = or_null(path.window_judged);
  result["flows"] = list(path.flows, json);
  return text(result);
}

std::string history_json(const HistoryView& history) {
  auto result = document("faultline.history/1");
  result["src"] = history.src;
  result["dst"] = history.dst;
  result["window_s"] = seconds(history.window);
  result["truncated"] = history.truncated;
  result["rows"] = list(history.rows, json);
  return text(result);
}

std::string incidents_json(const std::vector<IncidentView>& incidents) {
  auto result = document("faultline.incidents/1");
  result["incidents"] = list(incidents, json);
  return text(result);
}

std::string incident_json(const IncidentView& incident) {
  auto result = document("faultline.incident/1");
  result.update(json(incident));
  result["events"] = list(incident.events, json);
  result["events_omitted"] = incident.events_omitted;
  return text(result);
}

std::string topology_json(const TopologyView& topology) {
  auto result = document("faultline.topology/1");
  result["source"] = topology.source;
  result["devices"] = list(topology.devices, json);
  result["links"] = list(topology.links, json);
  result["machines"] = list(topology.machines, json);
  result["ports"] = list(topology.ports, json);
  result["conflicts"] = topology.conflicts;
  result["nodes_without_facts"] = topology.nodes_without_facts;
  return text(result);
}

std::string topology_dot(const TopologyView& topology) {
  std::string dot = "digraph fabric {\n  rankdir=TB;\n  node [shape=box];\n";
  std::map<std::string, std::vector<std::string>> ranks;
  for (const auto& device : topology.devices) {
    dot += fmt::format("  {} [tooltip={}];\n", dot_quoted(device.id), dot_quoted(device.kind));
    ranks[device.tier.empty() ? device.kind : device.tier].push_back(dot_quoted(device.id));
  }
  for (const auto& [name, members] : ranks) {
    dot +=
        fmt::format("  {{ rank=same; {}; }}  // {}\n", fmt::join(members, "; "), dot_quoted(name));
  }
  for (const auto& link : topology.links) {
    dot += fmt::format("  {} -> {} [tooltip={}];\n", dot_quoted(link.from), dot_quoted(link.to),
                       dot_quoted(link.id));
  }
  for (const auto& machine : topology.machines) {
    if (machine.host.empty()) continue;
    dot += fmt::format("  {} -> {} [dir=none, style=dotted, label={}];\n", dot_quoted(machine.host),
                       dot_quoted(machine.vm), dot_quoted(machine.mode));
  }
  for (const auto& port : topology.ports) {
    dot += fmt::format("  {} -> {} [dir=none, style=dashed, label={}];\n", dot_quoted(port.device),
                       dot_quoted(port.node), dot_quoted(port.port));
  }
  return dot + "}\n";
}

std::string error_json(std::string_view code, std::string_view message) {
  auto result = document("faultline.error/1");
  result["error"] = {{"code", code}, {"message", message}};
  return text(result);
}

}  // namespace faultline::api
