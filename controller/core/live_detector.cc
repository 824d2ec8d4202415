#include "controller/core/live_detector.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "controller/core/places.h"
#include "controller/core/sickness.h"

namespace faultline::core {
namespace {

using detect::Anomaly;
using detect::Kind;

// Of a pair, so many flows' routes are looked at for a suspect.
constexpr std::size_t kRoutesLookedAtMax = 32;

// The suspects of a verdict, by everything that crosses when they are crossed.
class Explanations {
 public:
  explicit Explanations(const localize::Verdict& verdict) {
    for (const auto& suspect : verdict.suspects) {
      add(suspect.id, suspect.id);
      for (const auto& id : suspect.ambiguous_with) add(id, suspect.id);
    }
    for (const auto& busy : verdict.congested) add(busy.id, busy.id);
  }

  [[nodiscard]] bool empty() const { return by_part_.empty(); }
  [[nodiscard]] std::string of(const std::string& part) const {
    const auto at = by_part_.find(part);
    return at == by_part_.end() ? std::string() : at->second;
  }
  [[nodiscard]] std::string of(const topology::ResolvedPath& path) const {
    for (const auto& part : path.links) {
      if (auto found = of(part); !found.empty()) return found;
    }
    for (const auto& part : path.devices) {
      if (auto found = of(part); !found.empty()) return found;
    }
    return {};
  }

 private:
  void add(const std::string& id, const std::string& suspect) {
    by_part_.emplace(id, suspect);
    const auto middle = id.find('=');
    if (middle == std::string::npos) return;
    // A cable is crossed by both of its directions; of parallel ones both carry the same "#2".
    const auto number = id.find('#');
    const auto from = id.substr(0, middle);
    const auto to =
        id.substr(middle + 1, number == std::string::npos ? number : number - middle - 1);
    const auto suffix = number == std::string::npos ? std::string() : id.substr(number);
    by_part_.emplace(from + ">" + to + suffix, suspect);
    by_part_.emplace(to + ">" + from + suffix, suspect);
  }

  std::map<std::string, std::string> by_part_;
};

std::string explanation_of(const Anomaly& anomaly, const Explanations& explanations,
                           const SolveJob& job) {
  const auto& paths = job.paths->paths();
  const topology::PathKey first{anomaly.reporter, anomaly.target, 0, Direction::kForward};
  std::size_t looked_at = 0;
  for (auto at = paths.lower_bound(first);
       at != paths.end() && at->first.reporter == anomaly.reporter &&
       at->first.target == anomaly.target && looked_at < kRoutesLookedAtMax;
       ++at, ++looked_at) {
    const auto& path = at->second.path;
    const auto& ports = anomaly.source_ports;
    if (!ports.empty() && std::ranges::find(ports, path.source_port) == ports.end()) continue;
    auto found = explanations.of(job.topology->resolve(anomaly.reporter, path));
    if (!found.empty()) return found;
  }
  return {};
}

std::string milliseconds(double nanoseconds) {
  const double ms = nanoseconds / 1e6;
  return ms < 10 ? fmt::format("{:.2f}", ms) : fmt::format("{:.0f}", ms);
}

std::string percent(double ratio) { return fmt::format("{:.3g} %", 100 * ratio); }

std::string shift(std::string_view what, const Anomaly& it) {
  return fmt::format("{} {} -> {} ms, {:.0f} spreads", what, milliseconds(it.usual),
                     milliseconds(it.now), it.spreads);
}

std::string loss_words(const Anomaly& it) {
  const std::string_view way = it.way == detect::Way::kForward  ? " on the way there"
                               : it.way == detect::Way::kReturn ? " on the way back"
                                                                : "";
  return fmt::format("loses {}{}, usually {}", percent(it.now), way, percent(it.usual));
}

std::string words(const Anomaly& it) {
  switch (it.kind) {
    case Kind::kUnreachable:
      return "unreachable: no packet is answered";
    case Kind::kLoss:
      return loss_words(it);
    case Kind::kDeadFlows:
      return fmt::format("{} of {} flows get no answer, source port {}", it.flows, it.flows_total,
                         fmt::join(it.source_ports, ", "));
    case Kind::kRttShift:
      return shift("round trip", it);
    case Kind::kFlowShift:
      return fmt::format("{} ({} of {} flows, source port {})", shift("least round trip", it),
                         it.flows, it.flows_total, fmt::join(it.source_ports, ", "));
    case Kind::kTail:
      return shift("p95", it);
    case Kind::kJitter:
      return shift("p90 - p50", it);
    case Kind::kDelayLimit:
      return fmt::format("round trip {} ms, {} may take {} ms", milliseconds(it.now),
                         to_string(it.pair_class), milliseconds(it.usual));
    case Kind::kLossLimit:
      return fmt::format("loses {}, {} may lose {}", percent(it.now), to_string(it.pair_class),
                         percent(it.usual));
  }
  return {};
}

}  // namespace

std::string sentence(const detect::Finding& finding, const topology::Topology& topology) {
  const auto& worst = finding.worst;
  const auto pair =
      fmt::format("{} -> {}", topology.node_name(worst.reporter), topology.node_name(worst.target));
  if (!finding.is_node) return fmt::format("{}: {}", pair, words(worst));
  return fmt::format("{}: {} of its {} pairs, the worst {}: {}", topology.node_name(finding.node),
                     finding.pairs, finding.pairs_of, pair, words(worst));
}

std::vector<incident::Suspect> abnormal_suspects(const Solution& solution,
                                                 const std::set<detect::Kind>& kinds) {
  // Three windows of four were six spreads off: surer than any suspect, but it names no component.
  constexpr double kSure = 0.95;
  std::vector<incident::Suspect> suspects;
  for (const auto& [finding, explained_by, text, src, dst, node] : solution.abnormal) {
    const auto& worst = finding.worst;
    if (!explained_by.empty() || !kinds.contains(worst.kind) || worst.windows < kAbnormalWindows) {
      continue;
    }
    auto& suspect = suspects.emplace_back();
    suspect.kind = finding.is_node ? "node" : "pair";
    suspect.id = finding.is_node ? node : fmt::format("{}->{}", src, dst);
    if (!finding.is_node) suspect.from = src;
    if (!finding.is_node) suspect.to = dst;
    suspect.fault_class = to_string(worst.kind);
    suspect.posterior = kSure;
    suspect.affected = {src, dst};
    suspect.since = finding.since;
    suspect.text = text;
  }
  return suspects;
}

void LiveDetector::judge(const SolveJob& job, Solution& solution) {
  detector_.clock_was_set(job.clock_set.by);
  if (!options_.config.enabled || job.ripe.windows.empty()) return;
  const auto& reports = job.ripe.windows.back();
  detect::Window window{.start = job.ripe.window_start, .length = job.window, .sick = {}};
  const auto excused = job.excused.find(window.start);
  if (excused != job.excused.end()) window.sick = excused->second;
  std::map<NodeId, double> doubts;
  for (const auto& [node, report] : reports) {
    auto& doubt = doubts[node];
    doubt = std::max(doubt, sickness(*report).share);
    if (doubt >= detect::Detector::kSick) window.sick.insert(node);
  }
  Places places(*job.topology);
  const auto party = [&places](NodeId node) {
    const auto& place = places.of(node);
    return detect::Party{.is_vm = place.is_vm, .zone = place.zone};
  };
  detector_.begin(std::move(window));
  for (const auto& [node, report] : reports) {
    if (report->window_start != job.ripe.window_start) continue;
    detector_.add(node, *report, doubts[node], party);
  }
  const auto findings = detect::fold(detector_.end(), detector_.pairs_of_nodes());
  const Explanations explanations(solution.verdict);
  for (const auto& finding : findings) {
    auto& abnormal = solution.abnormal.emplace_back();
    abnormal.finding = finding;
    abnormal.text = sentence(finding, *job.topology);
    abnormal.src = job.topology->node_name(finding.worst.reporter);
    abnormal.dst = job.topology->node_name(finding.worst.target);
    if (finding.is_node) abnormal.node = job.topology->node_name(finding.node);
    if (!explanations.empty()) {
      abnormal.explained_by = explanation_of(finding.worst, explanations, job);
    }
  }
  solution.detection = detector_.counters();
}

void LiveDetector::recall(const RecallJob& job, std::span<const NodeReport> reports) {
  detector_.clock_was_set(job.clock_set.by);
  if (!options_.config.enabled || job.again) return;
  for (const auto& [node, report] : reports) {
    if (job.excused.contains(node) || sickness(*report).share > 0) continue;
    detector_.recall(node, *report, options_.recalled_windows);
  }
}

}  // namespace faultline::core
