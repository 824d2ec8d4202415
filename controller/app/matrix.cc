#include "controller/app/matrix.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace faultline::app {
namespace {

std::string group_name(const api::NodeView& node, const std::string& by) {
  if (by == "node") return node.name;
  const auto label = node.labels.find(by);
  return label == node.labels.end() ? fmt::format("(no {})", by) : label->second;
}

std::optional<double> microseconds(std::optional<std::uint64_t> nanoseconds) {
  if (!nanoseconds) return std::nullopt;
  return static_cast<double>(*nanoseconds) / 1000.0;
}

}  // namespace

Result<MatrixBook> MatrixBook::create(const Snapshot& snapshot, const std::string& by) {
  MatrixBook book;
  auto& names = book.view_.groups;
  std::vector<std::string> of_nodes;
  for (const auto& node : snapshot.nodes) of_nodes.push_back(group_name(node, by));
  names = of_nodes;
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  if (names.size() > api::kMatrixGroupsMax) {
    return fail(ErrorCode::kLimit,
                fmt::format("the matrix would have {} groups, and at most {} are shown: ask by a "
                            "label that more nodes share",
                            names.size(), api::kMatrixGroupsMax));
  }
  const auto is_labeled = [&](const api::NodeView& node) { return node.labels.contains(by); };
  if (by != "node" && by != "rack" && std::ranges::none_of(snapshot.nodes, is_labeled)) {
    return fail(ErrorCode::kNotFound, fmt::format("no node has the label {}", by));
  }
  const auto number_of = [&](const std::string& name) {
    const auto at = std::ranges::lower_bound(names, name);
    return at == names.end() || *at != name ? kNowhere : static_cast<Group>(at - names.begin());
  };
  for (std::size_t i = 0; i < of_nodes.size(); ++i) {
    book.groups_[NodeId{snapshot.nodes[i].id}] = number_of(of_nodes[i]);
  }
  book.view_.by = by;
  book.view_.cells.resize(names.size() * names.size());
  book.delay_numbers_.resize(names.size() * names.size());
  return book;
}

MatrixBook::Group MatrixBook::group_of(NodeId node) const {
  const auto at = groups_.find(node);
  return at == groups_.end() ? kNowhere : at->second;
}

template <typename Counts>
void MatrixBook::add_counts(Group from, Group to, const Counts& counts, std::uint64_t flows) {
  const auto cell = [&](Group row, Group column) -> api::MatrixCell& {
    auto& at = view_.cells[place(row, column)];
    return at ? *at : at.emplace();
  };
  auto& forward = cell(from, to);
  forward.flows += flows;
  forward.sent += counts.sent - counts.lost_undetermined;
  forward.lost += counts.lost_forward;
  forward.undetermined += counts.lost_undetermined;
  auto& back = cell(to, from);
  back.sent += counts.sent - counts.lost_undetermined - counts.lost_forward;
  back.lost += counts.lost_return;
}

void MatrixBook::add_delays(Group from, Group to, const stats::Histogram& rtt) {
  auto& number = delay_numbers_[place(from, to)];
  if (number == 0) {
    delays_.push_back(rtt);
    number = static_cast<std::uint32_t>(delays_.size());
  } else {
    delays_[number - 1].merge(rtt);
  }
}

void MatrixBook::add(NodeId source, const Report& report) {
  const Group from = group_of(source);
  if (from == kNowhere) return;
  NodeId target{};  // flows of one target follow each other
  Group to = kNowhere;
  for (const auto& flow : report.flows) {
    if (flow.target != target) to = group_of(target = flow.target);
    if (to != kNowhere) add_counts(from, to, flow, 1);
  }
  for (const auto& delay : report.delays) {
    to = group_of(delay.target);
    if (to != kNowhere) add_delays(from, to, delay.rtt);
  }
}

void MatrixBook::add(const store::Rollup& sum) {
  const Group from = group_of(sum.source);
  const Group to = group_of(sum.target);
  if (from == kNowhere || to == kNowhere) return;
  add_counts(from, to, sum, sum.flow_windows);
  if (sum.rtt.count() > 0) add_delays(from, to, sum.rtt);
}

api::MatrixView MatrixBook::finish() {
  for (std::size_t i = 0; i < delay_numbers_.size(); ++i) {
    if (delay_numbers_[i] == 0) continue;
    auto& cell = view_.cells[i] ? *view_.cells[i] : view_.cells[i].emplace();
    const auto& rtt = delays_[delay_numbers_[i] - 1];
    cell.rtt_p50_us = microseconds(rtt.quantile(0.5));
    cell.rtt_p99_us = microseconds(rtt.quantile(0.99));
  }
  return std::exchange(view_, {});
}

}  // namespace faultline::app
