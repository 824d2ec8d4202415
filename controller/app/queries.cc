#include "controller/app/queries.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "controller/app/matrix.h"
#include "controller/app/slo.h"
#include "controller/detect/limits.h"

namespace faultline::app {
namespace {

Status stopping() { return fail(ErrorCode::kUnavailable, "the controller is stopping"); }

Status check_span(WallTime from, WallTime to) {
  if (to - from <= kQuerySpanMax) return {};
  return fail(ErrorCode::kLimit,
              fmt::format("the interval is longer than {}", format_duration(kQuerySpanMax)));
}

// `fitted` is how much of the interval was read before the bound was reached.
Status too_many_observations(Duration fitted, Duration window) {
  const Duration unit = fitted < std::chrono::minutes{2} ? window : std::chrono::minutes{1};
  return fail(ErrorCode::kLimit,
              fmt::format("the interval holds too much to be worked out at once: ask for at most "
                          "about {} with this fleet",
                          format_duration(std::max(unit, fitted - fitted % unit))));
}

std::optional<double> microseconds(std::optional<std::uint64_t> nanoseconds) {
  if (!nanoseconds) return std::nullopt;
  return static_cast<double>(*nanoseconds) / 1000.0;
}

api::Measured measured_of(const store::Rollup& sum) {
  api::Measured measured;
  measured.sent = sum.sent;
  measured.lost_forward = sum.lost_forward;
  measured.lost_return = sum.lost_return;
  measured.lost_undetermined = sum.lost_undetermined;
  if (sum.answered() > 0) {
    measured.rtt_min_us = microseconds(sum.rtt_min_ns);
    measured.rtt_mean_us = microseconds(sum.rtt_mean_ns);
    measured.rtt_max_us = microseconds(sum.rtt_max_ns);
  }
  return measured;
}

// By the nodes as they are now: labels of the past are not kept.
detect::Party party_of(const api::NodeView& node) {
  const auto zone = node.labels.find("zone");
  return {.is_vm = node.kind == NodeKind::kVm,
          .zone = zone == node.labels.end() ? std::string() : zone->second};
}

std::set<std::string> slo_groups(const std::map<NodeId, const api::NodeView*>& nodes,
                                 api::SloGrouping by, NodeId source, NodeId target) {
  const auto find = [&](NodeId id) -> const api::NodeView* {
    const auto at = nodes.find(id);
    return at == nodes.end() ? nullptr : at->second;
  };
  const auto* const left = find(source);
  const auto* const right = find(target);
  if (by == api::SloGrouping::kClass) {
    if (left == nullptr || right == nullptr) return {"(removed)"};
    return {std::string(to_string(detect::class_of(party_of(*left), party_of(*right))))};
  }
  const std::string label(to_string(by));
  const auto group = [&](const api::NodeView* node) -> std::string {
    if (node == nullptr) return "(removed)";
    const auto value = node->labels.find(label);
    return value == node->labels.end() ? fmt::format("(no {})", label) : value->second;
  };
  return {group(left), group(right)};
}

api::TracedPathView path_view(const Snapshot& snapshot, NodeId reporter, const PathRecord& path) {
  const auto resolved = snapshot.topology->resolve(reporter, path);
  api::TracedPathView view{.complete = path.complete, .traced_at = path.traced_at, .hops = {}};
  for (std::size_t i = 0; i < resolved.devices.size(); ++i) {
    api::HopView hop;
    // Routers stand between the two ends; what an incomplete trace misses is one silent hop.
    if (i > 0 && i <= path.hops.size() && path.hops[i - 1].address) {
      hop.address = path.hops[i - 1].address->to_string();
    }
    if (resolved.devices[i] != topology::kSilentDevice) hop.device = resolved.devices[i];
    if (i > 0) hop.link = resolved.links[i - 1];
    view.hops.push_back(std::move(hop));
  }
  return view;
}

// As at judgement: who restarted then is left out.
std::set<NodeId> excused_in(const Snapshot& snapshot, const Report& report) {
  std::set<NodeId> excused;
  for (const auto& [node, absences] : snapshot.absences) {
    if (fleet::is_excused(absences, report.window_start, report.window,
                          snapshot.restart_excused_max)) {
      excused.insert(node);
    }
  }
  return excused;
}

}  // namespace

api::HistoryRow history_row(WallTime start, const store::Rollup& sum, std::uint64_t flows) {
  return {.window_start = start,
          .flows = flows,
          .measured = measured_of(sum),
          .rtt_p50_us = microseconds(sum.rtt.quantile(0.5)),
          .rtt_p99_us = microseconds(sum.rtt.quantile(0.99))};
}

Status Queries::scan(WallTime from, WallTime to, std::optional<NodeId> node,
                     const ReportVisitor& visit) const {
  FAULTLINE_TRY_STATUS(check_span(from, to));
  Status visited;
  const auto scanned =
      views_.scan_reports(from, to, node, [&](NodeId reporter, const Report& report) {
        visited = stopping_ ? stopping() : visit(reporter, report);
        return visited.has_value();
      });
  if (!scanned) return tl::unexpected(scanned.error());
  return visited;
}

Status Queries::scan_rollups(const store::RollupQuery& query,
                             const std::function<void(const store::Rollup&)>& visit) const {
  if (query.to - query.from > kRollupSpanMax) {
    return fail(ErrorCode::kLimit,
                fmt::format("the interval is longer than {}", format_duration(kRollupSpanMax)));
  }
  Status visited;
  const auto scanned = views_.scan_rollups(query, [&](const store::Rollup& rollup) {
    if (stopping_) visited = stopping();
    if (visited) visit(rollup);
    return visited.has_value();
  });
  if (!scanned) return tl::unexpected(scanned.error());
  return visited;
}

Result<std::vector<Report>> Queries::reports_of(NodeId node, WallTime from, WallTime to) const {
  std::map<WallTime, Report> reports;
  FAULTLINE_TRY_STATUS(scan(from, to, node, [&](NodeId, const Report& report) {
    reports.insert_or_assign(report.window_start, report);
    return Status();
  }));
  std::vector<Report> result;
  for (auto& [start, report] : reports) result.push_back(std::move(report));
  return result;
}

Result<api::MatrixView> Queries::matrix(const Snapshot& snapshot,
                                        const api::MatrixRequest& request) const {
  // Before the first window was judged: the newest there is, in which nothing is measured.
  const WallTime end =
      request.at ? *request.at : snapshot.status.window_judged.value_or(async::now_wall());
  const WallTime to = window_start(end, snapshot.window);
  WallTime from = to - std::max(request.since, snapshot.window);
  FAULTLINE_TRY(auto book, MatrixBook::create(snapshot, request.by));
  if (to - from > kQuerySpanMax) {
    // By whole hours, and without reading raw windows.
    from = window_start(from, std::chrono::hours{1});
    FAULTLINE_TRY_STATUS(
        scan_rollups({.resolution = store::Resolution::kHour, .from = from, .to = to},
                     [&](const store::Rollup& sum) { book.add(sum); }));
  } else {
    Status visited;
    const auto scanned = views_.scan_sums(from, to, [&](const store::Rollup& sum) {
      if (stopping_) visited = stopping();
      if (visited) book.add(sum);
      return visited.has_value();
    });
    if (!scanned) return tl::unexpected(scanned.error());
    FAULTLINE_TRY_STATUS(visited);
  }
  auto view = book.finish();
  view.from = from;
  view.to = to;
  return view;
}

namespace {

// In what steps a history of this length is told: windows for a day, hours beyond.
Result<Duration> step_of(const api::HistoryRequest& request, Duration window) {
  const Duration step =
      request.step.value_or(request.since <= kQuerySpanMax ? window : std::chrono::hours{1});
  if (step != window && step % std::chrono::minutes{1} != Duration::zero()) {
    return fail(ErrorCode::kInvalid, fmt::format("'step' must be the window of {} or whole minutes",
                                                 format_duration(window)));
  }
  if (request.since / step <= static_cast<std::int64_t>(api::kHistoryRowsMax)) return step;
  return fail(ErrorCode::kLimit,
              fmt::format("these are more than {} rows: ask for a longer step or a shorter time",
                          api::kHistoryRowsMax));
}

}  // namespace

Result<api::HistoryView> Queries::history(const Snapshot& snapshot, NodeId src, NodeId dst,
                                          WallTime now, const api::HistoryRequest& request) const {
  FAULTLINE_TRY(const Duration step, step_of(request, snapshot.window));
  std::map<WallTime, store::Rollup> rows;
  const WallTime to = request.at.value_or(now);
  const bool is_raw = step == snapshot.window;
  if (is_raw) {
    FAULTLINE_TRY_STATUS(check_span(to - request.since, to));
    const auto visit = [&](const store::PairWindow& window) {
      auto& row = rows[window.start];
      for (const auto& flow : window.flows) row.add(flow);
      if (window.rtt != nullptr) row.rtt.merge(*window.rtt);
      return !stopping_;
    };
    if (auto scanned = views_.scan_pair(src, dst, to - request.since, to, visit); !scanned) {
      return tl::unexpected(std::move(scanned).error());
    }
  } else {
    const bool by_hours = step % std::chrono::hours{1} == Duration::zero();
    FAULTLINE_TRY_STATUS(scan_rollups(
        {.resolution = by_hours ? store::Resolution::kHour : store::Resolution::kMinute,
         .from = window_start(to - request.since, step),
         .to = to,
         .source = src,
         .target = dst},
        [&](const store::Rollup& sum) { rows[window_start(sum.start, step)].merge(sum); }));
  }
  api::HistoryView view{.src = name_of(snapshot, src),
                        .dst = name_of(snapshot, dst),
                        .window = step,
                        .rows = {},
                        .truncated = false};
  for (const auto& [start, row] : rows) {
    // Windows of flows, of which each flow has one per window.
    const auto windows =
        static_cast<std::uint64_t>(std::max<std::int64_t>(step / snapshot.window, 1));
    view.rows.push_back(history_row(
        start, row, is_raw ? row.flow_windows : (row.flow_windows + windows - 1) / windows));
  }
  return view;
}

Result<api::SloView> Queries::slo(const Snapshot& snapshot, WallTime now,
                                  const api::SloRequest& request) const {
  if (request.since > api::kSloSpanMax) {
    return fail(ErrorCode::kLimit,
                fmt::format("the period is longer than {}", format_duration(api::kSloSpanMax)));
  }
  std::map<NodeId, const api::NodeView*> nodes;
  for (const auto& node : snapshot.nodes) nodes[NodeId{node.id}] = &node;
  const bool is_short = request.since <= api::kSloByMinutesMax;
  const Duration step = request.step.value_or(is_short ? Duration(std::chrono::minutes{1})
                                                       : Duration(std::chrono::hours{1}));
  SloBook book(
      [&](NodeId source, NodeId target) { return slo_groups(nodes, request.by, source, target); },
      step);
  const WallTime to = request.at.value_or(now);
  const WallTime from = window_start(to - request.since, step);
  const auto resolution =
      step == std::chrono::hours{1} ? store::Resolution::kHour : store::Resolution::kMinute;
  FAULTLINE_TRY_STATUS(scan_rollups({.resolution = resolution, .from = from, .to = to},
                                    [&](const store::Rollup& sum) { book.add(sum); }));
  auto view = book.finish(request.by);
  view.from = from;
  view.to = to;
  return view;
}

Result<api::PathView> Queries::path(const Snapshot& snapshot, NodeId src, NodeId dst) const {
  api::PathView view{.src = name_of(snapshot, src),
                     .dst = name_of(snapshot, dst),
                     .window_judged = snapshot.status.window_judged,
                     .flows = {}};
  std::map<std::uint16_t, api::FlowPathView> flows;
  const topology::PathKey first{src, dst, 0, Direction::kForward};
  for (auto at = snapshot.paths->paths().lower_bound(first);
       at != snapshot.paths->paths().end() && at->first.reporter == src && at->first.target == dst;
       ++at) {
    auto& flow = flows[at->first.source_port];
    auto& side = at->first.direction == Direction::kForward ? flow.forward_path : flow.return_path;
    side = path_view(snapshot, src, at->second.path);
  }
  if (view.window_judged) {
    FAULTLINE_TRY_STATUS(scan(*view.window_judged - snapshot.window, *view.window_judged, src,
                              [&](NodeId, const Report& report) {
                                for (const auto& flow : report.flows) {
                                  if (flow.target != dst) continue;
                                  store::Rollup sum;
                                  sum.add(flow);
                                  flows[flow.source_port].measured = measured_of(sum);
                                }
                                return Status();
                              }));
  }
  for (auto& [port, flow] : flows) {
    flow.source_port = port;
    view.flows.push_back(std::move(flow));
  }
  return view;
}

Status Queries::observe(const Snapshot& snapshot, WallTime from, WallTime to,
                        const std::function<Status(const localize::ObservationSet&)>& use) const {
  // The paths of that time may hold addresses that the present topology has forgotten.
  auto topology = *snapshot.topology;
  topology::PathTimeline paths;
  FAULTLINE_TRY(const auto stored,
                views_.load_path_history(from, to + topology::kFirstTraceWithin));
  for (const auto& [reporter, path] : stored) {
    paths.add(reporter, path);
    topology.learn(reporter, path);
  }
  topology.settle();
  core::ObservationBuilder builder(
      topology, [&](const topology::PathKey& key, WallTime at) { return paths.find(key, at); });
  std::map<WallTime, std::set<NodeId>> excused;
  FAULTLINE_TRY_STATUS(scan(from, to, {}, [&](NodeId reporter, const Report& report) -> Status {
    if (builder.set().observations().size() >= options_.observations_max) {
      return too_many_observations(report.window_start - from, snapshot.window);
    }
    const auto [known, is_new] = excused.try_emplace(report.window_start);
    if (is_new) known->second = excused_in(snapshot, report);
    builder.add(reporter, report, known->second);
    return {};
  }));
  return use(std::as_const(builder).set());
}

Result<Snapshot> Queries::as_of(const Snapshot& snapshot, WallTime at) const {
  FAULTLINE_TRY(const auto stored, views_.load_paths(at));
  if (stored.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("no path is stored of {} or the day before", format_rfc3339(at)));
  }
  auto topology = snapshot.topology->unlearned();
  topology::PathBook paths;
  for (const auto& [reporter, path] : stored) {
    topology.learn(reporter, path);
    paths.update(reporter, path);
  }
  topology.settle();
  Snapshot past = snapshot;
  past.topology = std::make_shared<const topology::Topology>(std::move(topology));
  past.paths = std::make_shared<const topology::PathBook>(std::move(paths));
  return past;
}

Result<api::LocalizeAnswer> Queries::localize(const Snapshot& snapshot, WallTime from,
                                              WallTime to) const {
  api::LocalizeAnswer answer;
  answer.judged_until = to;
  FAULTLINE_TRY_STATUS(
      observe(snapshot, from, to, [&](const localize::ObservationSet& set) -> Status {
        const auto began = std::chrono::steady_clock::now();
        answer.verdict = localize::localize(set, {});
        answer.solve_ms =
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began)
                .count();
        return {};
      }));
  return answer;
}

}  // namespace faultline::app
