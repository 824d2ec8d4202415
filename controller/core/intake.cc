#include "controller/core/intake.h"

#include <utility>

#include <fmt/format.h>

namespace faultline::core {

NodeAck Intake::ack(NodeId node, BootId boot, std::vector<SequenceInterval> durable) const {
  return {node, {.boot = boot, .durable = std::move(durable), .credit = kCreditPerNode}};
}

void Intake::batch(NodeId node, Batch batch, EffectSink& effects) {
  if (decoding_ + waiting_.size() + appending_.size() >= kBatchesInHandMax) {
    ++counters_.shed;
    return;
  }
  ++decoding_;
  effects.decode(node, std::move(batch));
}

std::vector<NodeAck> Intake::decoded(WallTime now, BatchDecoded decoded, EffectSink& effects) {
  --decoding_;
  Item item{.node = decoded.node,
            .batch = std::move(decoded.batch),
            .report = nullptr,
            .window_start = window_start(now, window_),
            .malformed = false};
  item.malformed = !item.batch.is_gap() && !decoded.report;
  const auto admission = dedup_.admit(item.node, item.batch, now);
  switch (admission) {
    case ingest::Admission::kWrite:
      break;
    case ingest::Admission::kAlreadyDurable:
      ++counters_.duplicates;
      return {ack(item.node, item.batch.boot, dedup_.durable(item.node, item.batch.boot))};
    case ingest::Admission::kInFlight:
      ++counters_.duplicates;
      return {};
    case ingest::Admission::kRefused:
      ++counters_.shed;
      return {};
    case ingest::Admission::kMalformed:
      ++counters_.refused;
      return {};
  }
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

void Intake::begin_append(EffectSink& effects) {
  Append append;
  append.dedup = dedup_.begin_write();
  appending_paths_ = std::exchange(paths_, {});
  append.paths = appending_paths_;
  appending_ = std::exchange(waiting_, {});
  append.writes.reserve(appending_.size());
  for (auto& item : appending_) {
    // Its numbers stay here, and only its payload goes: it is large.
    append.writes.push_back({item.node, std::move(item.batch), item.window_start});
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
    waiting_.clear();
    paths_.insert(paths_.end(), appending_paths_.begin(), appending_paths_.end());
    return result;
  }
  trouble_.clear();
  for (auto& durable : dedup_.finish_write()) {
    result.acks.push_back(ack(durable.node, durable.boot, std::move(durable.durable)));
  }
  for (const auto& item : items) {
    count_durable(item, effects);
    if (item.report) result.reports.push_back({item.node, item.report});
  }
  if (!waiting_.empty()) begin_append(effects);
  return result;
}

// Only here: a batch whose append failed comes again, and must count once.
void Intake::count_durable(const Item& item, EffectSink& effects) {
  ++counters_.batches;
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
