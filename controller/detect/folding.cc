#include "controller/detect/folding.h"

#include <algorithm>
#include <optional>

namespace faultline::detect {
namespace {

using KindAndNode = std::pair<Kind, NodeId>;

std::map<KindAndNode, std::uint32_t> count_by_node(const std::vector<Anomaly>& anomalies) {
  std::map<KindAndNode, std::uint32_t> counts;
  for (const auto& anomaly : anomalies) {
    ++counts[{anomaly.kind, anomaly.reporter}];
    ++counts[{anomaly.kind, anomaly.target}];
  }
  return counts;
}

}  // namespace

std::vector<Finding> fold(const std::vector<Anomaly>& anomalies,
                          const std::map<NodeId, std::uint32_t>& pairs_of_nodes) {
  const auto counts = count_by_node(anomalies);
  const auto pairs_of = [&](NodeId node) {
    const auto at = pairs_of_nodes.find(node);
    return at == pairs_of_nodes.end() ? 0U : at->second;
  };
  const auto folds = [&](Kind kind, NodeId node) {
    const auto count = counts.at({kind, node});
    return count >= kFoldPairsMin && count >= kFoldShare * pairs_of(node);
  };
  std::vector<Finding> findings;
  std::map<KindAndNode, std::size_t> of_node;
  for (const auto& anomaly : anomalies) {
    std::optional<NodeId> node;
    for (const NodeId end : {anomaly.reporter, anomaly.target}) {
      if (!folds(anomaly.kind, end)) continue;
      // Of two, the one with more pairs: the other is one of its peers.
      if (!node || counts.at({anomaly.kind, end}) > counts.at({anomaly.kind, *node})) node = end;
    }
    Finding finding{.worst = anomaly, .since = anomaly.since};
    if (!node) {
      findings.push_back(std::move(finding));
      continue;
    }
    const auto [at, is_new] = of_node.try_emplace({anomaly.kind, *node}, findings.size());
    if (is_new) {
      finding.is_node = true;
      finding.node = *node;
      finding.pairs_of = pairs_of(*node);
      findings.push_back(std::move(finding));
      continue;
    }
    auto& known = findings[at->second];
    ++known.pairs;
    known.since = std::min(known.since, anomaly.since);
  }
  return findings;
}

}  // namespace faultline::detect
