#include "controller/core/intake.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace faultline::core {

bool Intake::has_room(NodeId node) const {
  const auto at = in_hand_.find(node);
  if (at == in_hand_.end()) return true;
  return batches_in_hand_ < kBatchesShared && at->second.batches < kCreditPerNode;
}

void Intake::enter(NodeId node) {
  ++batches_in_hand_;
  ++in_hand_[node].batches;
}

void Intake::leave(NodeId node) {
  --batches_in_hand_;
  const auto at = in_hand_.find(node);
  if (--at->second.batches == 0) in_hand_.erase(at);
}

void Intake::shed(NodeId node) {
  ++counters_.shed;
  in_hand_.at(node).shed = true;
}

// Before the batch that is acknowledged leaves: what was shed is remembered as long.
std::uint32_t Intake::credit(NodeId node) {
  const auto at = in_hand_.find(node);
  if (at != in_hand_.end() && std::exchange(at->second.shed, false)) return 0;
  const auto share = kBatchesShared / std::max<std::size_t>(in_hand_.size(), 1);
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(share, 1, kCreditPerNode));
}

NodeAck Intake::ack(NodeId node, BootId boot, std::vector<SequenceInterval> durable) {
  return {node, {.boot = boot, .durable = std::move(durable), .credit = credit(node)}};
}

void Intake::batch(NodeId node, Batch batch, EffectSink& effects) {
  if (!has_room(node)) return shed(node);
  enter(node);
  effects.decode(node, std::move(batch));
}

bool Intake::relayed(NodeId node, const RelayedBy& by, std::vector<std::byte> sealed,
                     EffectSink& effects) {
  if (!has_room(node)) {
    shed(node);
    return false;
  }
  enter(node);
  effects.open(node, by, std::move(sealed));
  return true;
}

void Intake::refused(NodeId node) {
  ++counters_.refused;
  leave(node);
}

// Moves a window whose prober's clock is wrong.
ingest::Timing Intake::put_right(WallTime now, std::optional<ingest::Skew> skew,
                                 BatchDecoded& decoded) {
  if (decoded.batch.is_gap() || !decoded.report) return ingest::Timing::kTrusted;
  const auto timing = ingest::timing_of(**decoded.report, skew, now);
  if (timing == ingest::Timing::kMoved) {
    decoded.report = std::make_shared<const Report>(ingest::moved(**decoded.report, skew->offset));
  }
  return timing;
}

std::vector<NodeAck> Intake::decoded(WallTime now, std::optional<ingest::Skew> skew,
                                     BatchDecoded decoded, EffectSink& effects) {
  const auto timing = put_right(now, skew, decoded);
  if (timing == ingest::Timing::kDoubtful) {
    ++counters_.doubtful;
    in_hand_.at(decoded.node).shed = true;
    leave(decoded.node);
    return {};
  }
  Item item{.node = decoded.node,
            .batch = std::move(decoded.batch),
            .report = nullptr,
            .window_start = window_start(now, window_),
            .malformed = false,
            .moved = timing == ingest::Timing::kMoved};
  item.malformed = !item.batch.is_gap() && !decoded.report;
  const auto admission = dedup_.admit(item.node, item.batch, now);
  if (admission != ingest::Admission::kWrite) return turn_away(item, admission);
  if (item.malformed) {
    // Kept as an empty entry: a probe that sent it once would otherwise send it for ever.
    effects.log(
        Severity::kWarning, "ingest",
        fmt::format("batch {} of node {} is not a report and is discarded: {}", item.batch.sequence,
                    item.node.value(), decoded.report.error().context));
    item.batch.payload.clear();
  } else if (!item.batch.is_gap()) {
    item.report = std::move(*decoded.report);
    item.window_start = item.report->window_start;
  }
  waiting_.push_back(std::move(item));
  if (!dedup_.write_under_way()) begin_append(effects);
  return {};
}

// What is not written: an acknowledgement again, or nothing.
std::vector<NodeAck> Intake::turn_away(const Item& item, ingest::Admission admission) {
  std::vector<NodeAck> acks;
  switch (admission) {
    case ingest::Admission::kWrite:
      break;
    case ingest::Admission::kAlreadyDurable:
      ++counters_.duplicates;
      acks.push_back(ack(item.node, item.batch.boot, dedup_.durable(item.node, item.batch.boot)));
      break;
    case ingest::Admission::kInFlight:
      ++counters_.duplicates;
      break;
    case ingest::Admission::kRefused:
      shed(item.node);
      break;
    case ingest::Admission::kMalformed:
      ++counters_.refused;
      break;
  }
  leave(item.node);
  return acks;
}

void Intake::begin_append(EffectSink& effects) {
  Append append;
  append.dedup = dedup_.begin_write();
  appending_paths_ = std::exchange(paths_, {});
  append.paths = appending_paths_;
  appending_ = std::exchange(waiting_, {});
  append.writes.reserve(appending_.size());
  for (auto& item : appending_) {
    // Its numbers stay here, and only its payload goes: it is large.
    append.writes.push_back(
        {item.node, std::move(item.batch), item.window_start, item.moved ? item.report : nullptr});
  }
  effects.append(std::move(append));
}

Appended Intake::appended(const Status& status, EffectSink& effects) {
  Appended result;
  const auto items = std::exchange(appending_, {});
  if (!status) {
    ++counters_.append_failures;
    trouble_ = status.error().context;
    effects.log(Severity::kWarning, "store",
                fmt::format("{} batches could not be written and stay in the probes' spools: {}",
                            items.size() + waiting_.size(), status.error().context));
    dedup_.abandon();
    for (const auto& item : items) leave(item.node);
    for (const auto& item : std::exchange(waiting_, {})) leave(item.node);
    paths_.insert(paths_.end(), appending_paths_.begin(), appending_paths_.end());
    return result;
  }
  trouble_.clear();
  for (auto& durable : dedup_.finish_write()) {
    result.acks.push_back(ack(durable.node, durable.boot, std::move(durable.durable)));
  }
  for (const auto& item : items) {
    leave(item.node);
    count_durable(item, effects);
    if (item.report) result.reports.push_back({item.node, item.report});
  }
  if (!waiting_.empty()) begin_append(effects);
  return result;
}

// Only here: a batch whose append failed comes again, and must count once.
void Intake::count_durable(const Item& item, EffectSink& effects) {
  ++counters_.batches;
  if (item.moved) ++counters_.moved;
  if (item.malformed) {
    ++counters_.malformed;
  } else if (item.report == nullptr) {  // its payload, if it had one, has gone to the store
    ++counters_.gaps;
    counters_.results_dropped += item.batch.results_dropped;
    effects.log(
        Severity::kWarning, "ingest",
        fmt::format(
            "node {} dropped {} results (batches {} to {}): its disk was full or did not keep up",
            item.node.value(), item.batch.results_dropped, item.batch.first_sequence,
            item.batch.sequence));
  }
}

}  // namespace faultline::core
