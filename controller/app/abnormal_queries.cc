// AppBackend's answers about what changed and what is abnormal.
#include "controller/app/backend.h"

namespace faultline::app {
namespace {

constexpr double kNsPerMs = 1e6;

bool is_loss(detect::Kind kind) {
  return kind == detect::Kind::kLoss || kind == detect::Kind::kLossLimit;
}

// The rest has no numbers: nothing is answered.
bool is_delay(detect::Kind kind) {
  return kind == detect::Kind::kRttShift || kind == detect::Kind::kFlowShift ||
         kind == detect::Kind::kTail || kind == detect::Kind::kJitter ||
         kind == detect::Kind::kDelayLimit;
}

api::AnomalyView anomaly_view(const core::Abnormal& abnormal) {
  const auto& finding = abnormal.finding;
  const auto& worst = finding.worst;
  api::AnomalyView view{.kind = std::string(to_string(worst.kind)),
                        .node = abnormal.node,
                        .src = abnormal.src,
                        .dst = abnormal.dst,
                        .pair_class = std::string(to_string(worst.pair_class)),
                        .way = {},
                        .since = finding.since,
                        .windows = worst.windows,
                        .usual_ms = {},
                        .now_ms = {},
                        .usual_loss = {},
                        .now_loss = {},
                        .spreads = worst.spreads,
                        .source_ports = worst.source_ports,
                        .flows = worst.flows,
                        .flows_of = worst.flows_total,
                        .pairs = finding.pairs,
                        .pairs_of = finding.pairs_of,
                        .explained_by = abnormal.explained_by,
                        .text = abnormal.text};
  if (is_delay(worst.kind)) {
    view.usual_ms = worst.usual / kNsPerMs;
    view.now_ms = worst.now / kNsPerMs;
  } else if (is_loss(worst.kind)) {
    view.way = to_string(worst.way);
    view.usual_loss = worst.usual;
    view.now_loss = worst.now;
  }
  return view;
}

}  // namespace

Result<api::ChangesView> AppBackend::changes(Duration since) const {
  const auto snapshot = snapshots_.snapshot();
  const auto& status = snapshot->status;
  api::ChangesView view{
      .since = status.generated_at - since, .known_since = status.started_at, .changes = {}};
  if (!snapshot->changes) return view;
  for (const auto& change : snapshot->changes->since(view.since, api::kChangesListedMax)) {
    auto& out = view.changes.emplace_back();
    out.time = change.time;
    out.kind = to_string(change.kind);
    out.subject = changes::subject_text(change);
    out.before = change.before;
    out.after = change.after;
    out.count = change.count;
    for (const auto& component : change.components) out.components.push_back(component.id);
  }
  return view;
}

Result<api::AnomaliesView> AppBackend::anomalies() const {
  const auto snapshot = snapshots_.snapshot();
  api::AnomaliesView view;
  if (!snapshot->solution) return view;
  const auto& solution = *snapshot->solution;
  view.judged_until = solution.window_start + solution.window;
  view.pairs = solution.detection.pairs;
  view.pairs_learned = solution.detection.pairs_judging;
  view.flows = solution.detection.flows;
  view.omitted = solution.detection.anomalies_omitted;
  for (const auto& abnormal : solution.abnormal) {
    view.anomalies.push_back(anomaly_view(abnormal));
  }
  return view;
}

}  // namespace faultline::app
