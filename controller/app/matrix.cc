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
  book.numbers_.resize(names.size() * names.size());
  return book;
}

MatrixBook::Group MatrixBook::group_of(NodeId node) const {
  const auto at = groups_.find(node);
  return at == groups_.end() ? kNowhere : at->second;
}

MatrixBook::Group MatrixBook::group_of_source(NodeId node) {
  if (node != source_.first) source_ = {node, group_of(node)};
  return source_.second;
}

void MatrixBook::add(const store::Rollup& sum) {
  const Group from = group_of_source(sum.source);
  const Group to = group_of(sum.target);
  if (from == kNowhere || to == kNowhere) return;
  auto& number = numbers_[place(from, to)];
  if (number == 0) {
    sums_.emplace_back();
    number = static_cast<std::uint32_t>(sums_.size());
  }
  Sum& all = sums_[number - 1];
  all.flows += sum.flow_windows;
  all.sent += sum.sent;
  all.lost_forward += sum.lost_forward;
  all.lost_return += sum.lost_return;
  all.lost_undetermined += sum.lost_undetermined;
  all.rtt.merge(sum.rtt);
}

const MatrixBook::Sum* MatrixBook::sum_at(std::size_t from, std::size_t to) const {
  const auto number = numbers_[place(from, to)];
  return number == 0 ? nullptr : &sums_[number - 1];
}

// One way: what its sources lost forward, and its targets on the return.
void MatrixBook::fill_cell(std::size_t from, std::size_t to) {
  const Sum* forward = sum_at(from, to);
  const Sum* back = sum_at(to, from);
  if (forward == nullptr && back == nullptr) return;
  auto& cell = view_.cells.emplace_back();
  view_.numbers[place(from, to)] = static_cast<std::uint32_t>(view_.cells.size());
  if (forward != nullptr) {
    cell.flows = forward->flows;
    cell.sent = forward->sent - forward->lost_undetermined;
    cell.lost = forward->lost_forward;
    cell.undetermined = forward->lost_undetermined;
    cell.rtt_p50_us = microseconds(forward->rtt.quantile(0.5));
    cell.rtt_p99_us = microseconds(forward->rtt.quantile(0.99));
  }
  if (back != nullptr) {
    cell.sent += back->sent - back->lost_undetermined - back->lost_forward;
    cell.lost += back->lost_return;
  }
}

// In squares: a cell needs its mirror image, and rows of a thousand cells lie a page apart.
api::MatrixView MatrixBook::finish() {
  constexpr std::size_t kSquare = 32;
  const std::size_t size = view_.groups.size();
  view_.numbers.resize(size * size);
  for (std::size_t top = 0; top < size; top += kSquare) {
    for (std::size_t left = 0; left < size; left += kSquare) {
      for (std::size_t from = top; from < std::min(top + kSquare, size); ++from) {
        for (std::size_t to = left; to < std::min(left + kSquare, size); ++to) fill_cell(from, to);
      }
    }
  }
  return std::exchange(view_, {});
}

}  // namespace faultline::app
