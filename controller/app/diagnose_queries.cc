#include "controller/app/diagnose_queries.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "controller/app/facts_store.h"
#include "controller/app/records.h"
#include "controller/core/sickness.h"

namespace faultline::app {
namespace {

using diagnose::Counts;

diagnose::ProbeState state_of(api::NodeState state) {
  switch (state) {
    case api::NodeState::kLive:
      return diagnose::ProbeState::kLive;
    case api::NodeState::kSilent:
      return diagnose::ProbeState::kSilent;
    case api::NodeState::kJoined:
      return diagnose::ProbeState::kJoined;
    case api::NodeState::kRestarting:
      return diagnose::ProbeState::kRestarting;
  }
  return diagnose::ProbeState::kNone;
}

diagnose::End end_of(const std::string& typed, const api::NodeView* node) {
  diagnose::End end{.name = typed};
  if (node == nullptr) {
    end.address = IpAddress::parse(typed);
    return end;
  }
  end.name = node->name;
  end.probe = state_of(node->state);
  end.address = IpAddress::parse(node->address);
  end.last_seen = node->last_seen;
  end.results_dropped = node->results_dropped;
  if (node->reach) {
    end.reach = node->reach->condition;
    end.reach_sentence = node->reach->summary;
  }
  return end;
}

// Sums flow windows; the mean round trip is weighted by the answers behind it.
struct Adder {
  Counts counts;
  double rtt_sum_us = 0;
  std::uint64_t answered = 0;

  void add(const FlowWindow& flow) {
    counts.sent += flow.sent;
    counts.lost_there += flow.lost_forward;
    counts.lost_back += flow.lost_return;
    counts.lost_undetermined += flow.lost_undetermined;
    rtt_sum_us += static_cast<double>(flow.rtt_mean_ns) / 1000 * flow.answered();
    answered += flow.answered();
    if (answered > 0) counts.rtt_mean_us = rtt_sum_us / static_cast<double>(answered);
  }
};

// What one node reports, sorted by how new it is.
struct Reported {
  // Towards the other end, in the newest windows, by source port and size of the packets: a flow
  // whose path has changed sends large ones for a window.
  using SizedFlow = std::pair<std::uint16_t, std::uint16_t>;
  std::map<SizedFlow, Adder> flows;
  std::map<SizedFlow, diagnose::Flow> kinds;
  Adder newest;  // the last window alone
  Adder now;
  Adder minute;
  Adder usual;
  std::map<NodeId, Counts> others;  // in the newest windows
  // The newest of each flow and direction in the last minute, also those that ended nowhere: the
  // book of paths keeps what was complete.
  std::map<std::pair<std::uint16_t, Direction>, PathRecord> traced;
  double sick = 0;
  std::string sick_reason;
  std::string clock;
  Duration lateness{};
  std::uint64_t strangers_refused = 0;
  std::uint64_t answers_unmatched = 0;
  WallTime from{};
  WallTime to{};
};

void add_health(const Report& report, Reported& out) {
  out.strangers_refused += report.health.reflector_refused;
  out.answers_unmatched += report.health.replies_unmatched;
  out.lateness =
      std::max(out.lateness, Duration{static_cast<std::int64_t>(report.health.lateness_max_ns)});
  if (core::is_clock_wrong(report.health)) out.clock = core::clock_trouble(report.health);
  // What the kernel refused to send is no overload: it has no way there, or a rule against it.
  auto received = report;
  received.health.send_failures = 0;
  const auto sick = core::sickness(received);
  if (sick.share <= out.sick) return;
  out.sick = sick.share;
  out.sick_reason = sick.why;
}

// What the flow's packets look like, on the way there and back.
void add_kind(const FlowWindow& flow, diagnose::Flow& kind) {
  kind.source_port = flow.source_port;
  kind.size = flow.size;
  kind.dscp = flow.dscp;
  kind.dscp_rewritten += flow.dscp_rewritten;
  if (!flow.dscp_there) return;
  kind.dscp_there = flow.dscp_there;
  kind.dscp_back = flow.dscp_back;
}

// The absence of the newest windows; those of before count no more.
std::optional<diagnose::Away> away_of(const Snapshot& snapshot, NodeId node, WallTime at) {
  const auto found = snapshot.absences.find(node);
  if (found == snapshot.absences.end()) return {};
  for (auto absence = found->second.rbegin(); absence != found->second.rend(); ++absence) {
    const auto until = absence->until.value_or(at);
    const bool recent = absence->from <= at && at - until <= kMinuteWindows * snapshot.window;
    if (recent) return diagnose::Away{.from = absence->from, .until = absence->until};
  }
  return {};
}

// As at judgement: what was measured of a node that was away is no fault.
bool is_excused(const Snapshot& snapshot, NodeId node, const Report& report) {
  const auto found = snapshot.absences.find(node);
  return found != snapshot.absences.end() &&
         fleet::is_excused(found->second, report.window_start, report.window,
                           snapshot.restart_excused_max);
}

Reported reported(const Snapshot& snapshot, NodeId self, const std::vector<Report>& reports,
                  NodeId other) {
  Reported out;
  const auto count = static_cast<int>(reports.size());
  for (int i = 0; i < count; ++i) {
    const auto& report = reports[static_cast<std::size_t>(i)];
    const int age = count - 1 - i;
    const bool is_now = age < kNewestWindows;
    if (is_now) {
      add_health(report, out);
      if (out.from == WallTime{}) out.from = report.window_start;
      out.to = report.window_start + report.window;
    }
    for (const auto& path : report.paths) {
      if (path.target != other || age >= kMinuteWindows) continue;
      auto& newest = out.traced[{path.source_port, path.direction}];
      if (path.traced_at >= newest.traced_at) newest = path;
    }
    if (is_excused(snapshot, self, report)) continue;
    for (const auto& flow : report.flows) {
      if (is_excused(snapshot, flow.target, report)) continue;
      if (flow.target != other) {
        if (!is_now) continue;
        auto& counts = out.others[flow.target];
        counts.sent += flow.sent;
        counts.lost_undetermined += flow.sent - flow.answered();
        continue;
      }
      (age < kMinuteWindows ? out.minute : out.usual).add(flow);
      if (!is_now) continue;
      out.now.add(flow);
      if (age == 0) out.newest.add(flow);
      const Reported::SizedFlow key{flow.source_port, flow.size};
      out.flows[key].add(flow);
      add_kind(flow, out.kinds[key]);
    }
  }
  return out;
}

diagnose::Company company_of(const Reported& reported) {
  diagnose::Company company;
  for (const auto& [node, counts] : reported.others) {
    if (counts.sent < 5) continue;
    ++company.peers;
    if (counts.lost() == counts.sent) {
      ++company.peers_dead;
    } else if (counts.loss() > 0.02) {
      ++company.peers_lossy;
    }
  }
  return company;
}

diagnose::Session session_of(const Reported& reported) {
  // The window before may be of before the trouble.
  const bool enough = reported.newest.counts.sent >= kNewestPacketsMin;
  diagnose::Session session{.from = reported.from,
                            .to = reported.to,
                            .flows = {},
                            .now = (enough ? reported.newest : reported.now).counts,
                            .minute = reported.minute.counts,
                            .earlier = reported.usual.counts};
  for (const auto& [key, adder] : reported.flows) {
    session.flows.push_back(reported.kinds.at(key));
    session.flows.back().now = adder.counts;
  }
  return session;
}

std::optional<diagnose::Trace> trace_of(const std::optional<api::TracedPathView>& view,
                                        WallTime at) {
  if (!view || view->traced_at > at) return std::nullopt;
  diagnose::Trace trace{.complete = view->complete, .traced_at = view->traced_at};
  for (const auto& hop : view->hops) trace.hops.push_back({hop.address, hop.device});
  return trace;
}

std::string ended_text(PathEnd ended) {
  switch (ended) {
    case PathEnd::kSilent:
      return "silent";
    case PathEnd::kUnreachable:
      return "unreachable";
    case PathEnd::kLoop:
      return "loop";
    case PathEnd::kTooLong:
      return "too_long";
    case PathEnd::kReached:
    case PathEnd::kRefused:
    case PathEnd::kNotTold:
      break;
  }
  return {};
}

// A trace newer than the one that is known takes its place.
void renew(const topology::Topology& topology, const PathRecord& path, const std::string& from,
           const std::string& to, std::optional<diagnose::Trace>& known) {
  if (known && known->traced_at >= path.traced_at) return;
  diagnose::Trace trace{.complete = path.complete,
                        .traced_at = path.traced_at,
                        .hops = {},
                        .ended = ended_text(path.ended)};
  trace.hops.push_back({.address = {}, .device = from});
  for (const auto& hop : path.hops) {
    auto& added = trace.hops.emplace_back();
    if (!hop.address) continue;
    added.address = hop.address->to_string();
    added.device = topology.device_at(*hop.address);
  }
  if (path.complete) trace.hops.push_back({.address = {}, .device = to});
  known = std::move(trace);
}

void renew_traces(const topology::Topology& topology, const Reported& reported,
                  const std::string& self, const std::string& other, diagnose::Session& session) {
  for (auto& flow : session.flows) {
    for (const auto direction : {Direction::kForward, Direction::kReturn}) {
      const auto path = reported.traced.find({flow.source_port, direction});
      if (path == reported.traced.end()) continue;
      const bool there = direction == Direction::kForward;
      renew(topology, path->second, there ? self : other, there ? other : self,
            there ? flow.there : flow.back);
    }
  }
}

// The links and devices of all paths of a pair in one direction.
void add_components(const std::optional<api::TracedPathView>& path, std::set<std::string>& ids) {
  if (!path) return;
  for (const auto& hop : path->hops) {
    if (hop.device) ids.insert(*hop.device);
    if (hop.link) ids.insert(*hop.link);
  }
}

bool crosses(const localize::Suspect& suspect, const std::set<std::string>& way) {
  if (suspect.kind != localize::SuspectKind::kCable) return way.contains(suspect.id);
  return way.contains(suspect.from + ">" + suspect.to) ||
         way.contains(suspect.to + ">" + suspect.from);
}

}  // namespace

const api::NodeView* DiagnoseQueries::find_end(const Snapshot& snapshot, const std::string& typed) {
  for (const auto& node : snapshot.nodes) {
    if (node.name == typed || (!node.address.empty() && node.address == typed)) return &node;
  }
  return nullptr;
}

Status DiagnoseQueries::add_sessions(const Snapshot& snapshot, const api::NodeView* a,
                                     const api::NodeView* b, diagnose::Inputs& inputs) const {
  const auto at = inputs.question.at;
  for (const bool is_a : {true, false}) {
    const auto* self = is_a ? a : b;
    const auto* other = is_a ? b : a;
    if (self == nullptr) continue;
    FAULTLINE_TRY(const auto reports, queries_.reports_of(NodeId{self->id}, at - kUsualSpan, at));
    const auto result = reported(snapshot, NodeId{self->id}, reports,
                                 other == nullptr ? NodeId{} : NodeId{other->id});
    auto& end = is_a ? inputs.a : inputs.b;
    end.away = away_of(snapshot, NodeId{self->id}, at);
    // Nothing new: what it reported last is of before the trouble.
    const bool old = reports.empty() || at - result.to > kMinuteWindows * snapshot.window;
    if (inputs.question.past) {
      end.probe = old ? diagnose::ProbeState::kSilent : diagnose::ProbeState::kLive;
      end.reach = end.reach_sentence = {};  // that is of now
      end.last_seen = reports.empty() ? std::nullopt : std::optional(result.to);
    }
    if (old) continue;
    end.sick = result.sick;
    end.sick_reason = result.sick_reason;
    end.clock = result.clock;
    end.lateness_ms = std::chrono::duration<double, std::milli>(result.lateness).count();
    end.strangers_refused = result.strangers_refused;
    end.answers_unmatched = result.answers_unmatched;
    end.company = company_of(result);
    if (result.now.counts.sent == 0 || other == nullptr) continue;
    auto session = session_of(result);
    FAULTLINE_TRY_STATUS(add_paths(snapshot, *self, *other, at, session));
    if (snapshot.topology) {
      renew_traces(*snapshot.topology, result, self->name, other->name, session);
    }
    (is_a ? inputs.by_a : inputs.by_b) = std::move(session);
  }
  return {};
}

Status DiagnoseQueries::add_paths(const Snapshot& snapshot, const api::NodeView& from,
                                  const api::NodeView& to, WallTime at,
                                  diagnose::Session& session) const {
  if (!snapshot.topology || !snapshot.paths) return {};
  FAULTLINE_TRY(const auto view, queries_.path(snapshot, NodeId{from.id}, NodeId{to.id}));
  for (auto& flow : session.flows) {
    const auto found =
        std::ranges::find(view.flows, flow.source_port, &api::FlowPathView::source_port);
    if (found == view.flows.end()) continue;
    flow.there = trace_of(found->forward_path, at);
    flow.back = trace_of(found->return_path, at);
  }
  return {};
}

Status DiagnoseQueries::add_accused(const Snapshot& snapshot, const diagnose::Question& question,
                                    const api::NodeView* a, const api::NodeView* b,
                                    diagnose::Inputs& inputs) const {
  if (a == nullptr || b == nullptr || !snapshot.topology) return {};
  localize::Verdict verdict;
  if (question.past) {
    FAULTLINE_TRY(auto answer,
                  queries_.localize(snapshot, question.at - std::chrono::minutes{1}, question.at));
    verdict = std::move(answer.verdict);
  } else if (snapshot.solution && !snapshot.stale) {
    verdict = snapshot.solution->verdict;
  }
  if (verdict.suspects.empty()) return {};
  std::set<std::string> there{a->name, b->name};
  std::set<std::string> back{a->name, b->name};
  for (const bool from_a : {true, false}) {
    FAULTLINE_TRY(const auto view, queries_.path(snapshot, NodeId{(from_a ? a : b)->id},
                                                 NodeId{(from_a ? b : a)->id}));
    for (const auto& flow : view.flows) {
      add_components(flow.forward_path, from_a ? there : back);
      add_components(flow.return_path, from_a ? back : there);
    }
  }
  FAULTLINE_TRY(const auto incidents, list_incidents(ledger_));
  for (const auto& suspect : verdict.suspects) {
    if (suspect.over) continue;
    diagnose::Accused accused{.id = suspect.id,
                              .kind = std::string(localize::to_string(suspect.kind)),
                              .fault_class = std::string(localize::to_string(suspect.fault_class)),
                              .posterior = suspect.posterior,
                              .loss = suspect.loss,
                              .incident = {},
                              .on_way_there = crosses(suspect, there),
                              .on_way_back = crosses(suspect, back),
                              .ambiguous_with = suspect.ambiguous_with};
    for (const auto& incident : incidents) {
      if (incident.is_open() && incident.suspect.id == suspect.id) accused.incident = incident.id;
    }
    inputs.accused.push_back(std::move(accused));
  }
  return {};
}

void DiagnoseQueries::add_facts(const Snapshot& snapshot, const api::NodeView* a,
                                const api::NodeView* b, diagnose::Inputs& inputs) const {
  std::vector<const api::NodeView*> nodes;
  for (const auto* end : {a, b}) {
    if (end != nullptr) nodes.push_back(end);
  }
  for (const auto& node : snapshot.nodes) {
    if (nodes.size() >= kNeighborsComparedMax) break;
    if (&node != a && &node != b) nodes.push_back(&node);
  }
  const auto at = inputs.question.past ? std::optional(inputs.question.at) : std::nullopt;
  for (const auto* node : nodes) {
    auto stored = load_facts(ledger_, NodeId{node->id}, at);
    if (!stored) continue;
    inputs.facts.push_back({.node = node->name,
                            .facts = std::move(stored->facts),
                            .earlier = std::move(stored->earlier)});
  }
}

Result<diagnose::Inputs> DiagnoseQueries::gather(const Snapshot& snapshot,
                                                 const api::DiagnoseRequest& request,
                                                 WallTime now) const {
  const auto* a = find_end(snapshot, request.a);
  const auto* b = find_end(snapshot, request.b);
  for (const auto& [typed, node] : {std::pair(&request.a, a), std::pair(&request.b, b)}) {
    if (node != nullptr || IpAddress::parse(*typed)) continue;
    return fail(
        ErrorCode::kNotFound,
        fmt::format("there is no node {0}; `faultline node list` shows all. A machine without "
                    "a probe is named by its address",
                    *typed));
  }
  if (a == nullptr && b == nullptr) {
    return fail(ErrorCode::kNotFound,
                fmt::format("neither {} nor {} is a node: nothing is known of either", request.a,
                            request.b));
  }
  if (a == b) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{} and {} are the same node", request.a, request.b));
  }
  diagnose::Inputs inputs{.question = {.port = request.port,
                                       .protocol = request.protocol,
                                       .at = request.at.value_or(now),
                                       .past = request.at.has_value()},
                          .a = end_of(request.a, a),
                          .b = end_of(request.b, b)};
  FAULTLINE_TRY_STATUS(add_sessions(snapshot, a, b, inputs));
  FAULTLINE_TRY_STATUS(add_accused(snapshot, inputs.question, a, b, inputs));
  add_facts(snapshot, a, b, inputs);
  return inputs;
}

}  // namespace faultline::app
