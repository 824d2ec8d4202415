#include "controller/ingest/dedup.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/check.h"

namespace faultline::ingest {
namespace {

bool well_formed(const Batch& batch) {
  if (batch.first_sequence == 0 || batch.first_sequence > batch.sequence) return false;
  return batch.is_gap() || batch.first_sequence == batch.sequence;
}

}  // namespace

void Dedup::restore(std::span<const DedupRow> rows) {
  FAULTLINE_CHECK(nodes_.empty() && removed_.empty(), "restore comes before the first batch");
  std::vector<const DedupRow*> newest_first;
  for (const DedupRow& row : rows) newest_first.push_back(&row);
  std::stable_sort(newest_first.begin(), newest_first.end(),
                   [](const auto* a, const auto* b) { return a->heard_at > b->heard_at; });
  for (const DedupRow* row : newest_first) {
    Boots& boots = nodes_[row->node];
    if (boots.size() == kBootsPerNodeMax) {
      removed_.push_back({row->node, row->boot, {}, row->heard_at});
      continue;
    }
    const SequenceIntervals durable{row->durable};
    boots.push_back({row->boot, durable, durable, durable, row->heard_at});
  }
}

Admission Dedup::admit(NodeId node, const Batch& batch, WallTime now) {
  if (!well_formed(batch)) return Admission::kMalformed;
  BootState* state = find_or_make(node, batch.boot);
  if (state == nullptr) return Admission::kRefused;
  if (state->durable.contains(batch.first_sequence, batch.sequence)) {
    return Admission::kAlreadyDurable;
  }
  switch (state->claimed.add(batch.first_sequence, batch.sequence)) {
    case AddResult::kDuplicate:
      return Admission::kInFlight;
    case AddResult::kWouldOverflow:
      return Admission::kRefused;
    case AddResult::kNew:
    case AddResult::kPartial:
      state->heard_at = std::max(state->heard_at, now);
      return Admission::kWrite;
  }
  return Admission::kMalformed;
}

std::vector<DedupRow> Dedup::begin_write() {
  FAULTLINE_CHECK(!write_under_way_, "one write at a time");
  write_under_way_ = true;
  std::vector<DedupRow> rows = removed_;
  for (auto& [node, boots] : nodes_) {
    for (BootState& state : boots) {
      if (state.idle()) continue;
      state.writing = state.claimed;
      rows.push_back({node, state.boot, state.writing.intervals(), state.heard_at});
    }
  }
  removing_ = std::exchange(removed_, {});
  return rows;
}

std::vector<Dedup::Durable> Dedup::finish_write() {
  FAULTLINE_CHECK(write_under_way_, "there is no write to finish");
  write_under_way_ = false;
  removing_.clear();
  std::vector<Durable> acknowledgements;
  for (auto& [node, boots] : nodes_) {
    for (BootState& state : boots) {
      if (state.writing == state.durable) continue;
      state.durable = state.writing;
      acknowledgements.push_back({node, state.boot, state.durable.intervals()});
    }
  }
  return acknowledgements;
}

void Dedup::abandon() {
  write_under_way_ = false;
  for (auto& [node, boots] : nodes_) {
    std::erase_if(boots, [](const BootState& state) { return state.durable.intervals().empty(); });
    for (BootState& state : boots) state.writing = state.claimed = state.durable;
  }
  std::move(removing_.begin(), removing_.end(), std::back_inserter(removed_));
  removing_.clear();
}

std::vector<SequenceInterval> Dedup::durable(NodeId node, BootId boot) const {
  const auto boots = nodes_.find(node);
  if (boots == nodes_.end()) return {};
  const auto state = std::find_if(boots->second.begin(), boots->second.end(),
                                  [&](const BootState& known) { return known.boot == boot; });
  return state == boots->second.end() ? std::vector<SequenceInterval>{}
                                      : state->durable.intervals();
}

std::vector<DedupRow> Dedup::durable() const {
  std::vector<DedupRow> rows;
  for (const auto& [node, boots] : nodes_) {
    for (const BootState& state : boots) {
      auto intervals = state.durable.intervals();
      if (intervals.empty()) continue;
      rows.push_back({node, state.boot, std::move(intervals), state.heard_at});
    }
  }
  return rows;
}

void Dedup::forget(NodeId node) {
  const auto boots = nodes_.find(node);
  if (boots == nodes_.end()) return;
  for (const BootState& state : boots->second) {
    removed_.push_back({node, state.boot, {}, state.heard_at});
  }
  nodes_.erase(boots);
}

// Null when all boots of the node have something in flight: none can make room.
Dedup::BootState* Dedup::find_or_make(NodeId node, BootId boot) {
  Boots& boots = nodes_[node];
  const auto known = std::find_if(boots.begin(), boots.end(),
                                  [&](const BootState& state) { return state.boot == boot; });
  if (known != boots.end()) return &*known;

  if (boots.size() == kBootsPerNodeMax) {
    auto oldest = boots.end();
    for (auto it = boots.begin(); it != boots.end(); ++it) {
      if (it->idle() && (oldest == boots.end() || it->heard_at < oldest->heard_at)) oldest = it;
    }
    if (oldest == boots.end()) return nullptr;
    removed_.push_back({node, oldest->boot, {}, oldest->heard_at});
    boots.erase(oldest);
  }
  std::erase_if(removed_,
                [&](const DedupRow& row) { return row.node == node && row.boot == boot; });
  return &boots.emplace_back(BootState{boot, {}, {}, {}, WallTime{}});
}

}  // namespace faultline::ingest
