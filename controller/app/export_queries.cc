// Queries::export_results: results as rows of text, however long the interval is. Read an hour (or
// a day of sums) of one node at a time, so that no snapshot of the store is kept for long, and what
// is held stays that of one node.
#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "controller/api/export_text.h"
#include "controller/app/queries.h"
#include "controller/store/tiers.h"

namespace faultline::app {
namespace {

constexpr std::size_t kPieceBytes = 64U << 10;

// One stretch of time of one node.
struct Stretch {
  NodeId source{};
  std::optional<NodeId> target{};
  WallTime from{};
  WallTime to{};
};

class Exporter {
 public:
  Exporter(const store::Views& views, const std::atomic<bool>& stopping, const Snapshot& snapshot,
           const api::ExportRequest& request, const api::TextSink& sink)
      : views_(views),
        stopping_(stopping),
        snapshot_(snapshot),
        rows_(request.rows),
        format_(request.format),
        sink_(sink),
        text_(format_.head(request.rows)) {}

  [[nodiscard]] Status take(const Stretch& stretch) {
    if (stopping_) return fail(ErrorCode::kUnavailable, "the controller is stopping");
    if (rows_ != api::ExportRows::kWindows) return take_sums(stretch);
    return stretch.target ? take_pair(stretch) : take_node(stretch);
  }
  // Of CSV the head goes out at once: a reader that is gone is noticed, and none waits in vain.
  [[nodiscard]] Status begin() { return flush(); }
  [[nodiscard]] Status finish() { return flush(); }
  [[nodiscard]] Duration step() const { return store::tier_of(resolution()).step; }
  // That is read at once: the buckets of the store.
  [[nodiscard]] Duration stretch() const {
    return rows_ == api::ExportRows::kHours ? std::chrono::hours{24} : std::chrono::hours{1};
  }

 private:
  [[nodiscard]] store::Resolution resolution() const {
    return rows_ == api::ExportRows::kHours ? store::Resolution::kHour : store::Resolution::kMinute;
  }
  [[nodiscard]] Status flush() {
    if (text_.empty()) return {};
    return sink_(std::exchange(text_, {}));
  }
  [[nodiscard]] Status flush_full() { return text_.size() < kPieceBytes ? Status() : flush(); }

  [[nodiscard]] Status take_node(const Stretch& stretch);
  [[nodiscard]] Status take_pair(const Stretch& stretch);
  [[nodiscard]] Status take_sums(const Stretch& stretch);

  const store::Views& views_;
  const std::atomic<bool>& stopping_;
  const Snapshot& snapshot_;
  const api::ExportRows rows_;
  const api::ExportText format_;
  const api::TextSink& sink_;
  std::string text_;
};

// The scan's own failure, or that of what it was passed to.
Status ended(const Result<store::ScanSummary>& scanned, Status visited) {
  return scanned ? std::move(visited) : Status(tl::unexpected(scanned.error()));
}

Status Exporter::take_node(const Stretch& stretch) {
  const std::string source = name_of(snapshot_, stretch.source);
  Status written;
  const auto scanned = views_.scan_reports(
      stretch.from, stretch.to, stretch.source, [&](NodeId, const Report& report) {
        for (const FlowWindow& flow : report.flows) {
          const std::string target = name_of(snapshot_, flow.target);
          format_.append(text_, {report.window_start, report.window, source, target, flow});
        }
        written = flush_full();
        return written.has_value();
      });
  return ended(scanned, written);
}

Status Exporter::take_pair(const Stretch& stretch) {
  const std::string source = name_of(snapshot_, stretch.source);
  const std::string target = name_of(snapshot_, *stretch.target);
  Status written;
  const auto scanned = views_.scan_pair(
      stretch.source, *stretch.target, stretch.from, stretch.to,
      [&](const store::PairWindow& window) {
        for (const FlowWindow& flow : window.flows) {
          format_.append(text_, {window.start, window.window, source, target, flow});
        }
        written = flush_full();
        return written.has_value();
      });
  return ended(scanned, written);
}

// Steps that come in several pieces are put together first.
Status Exporter::take_sums(const Stretch& stretch) {
  std::map<std::pair<WallTime, NodeId>, store::Rollup> sums;
  const auto scanned = views_.scan_rollups({.resolution = resolution(),
                                            .from = stretch.from,
                                            .to = stretch.to,
                                            .source = stretch.source,
                                            .target = stretch.target},
                                           [&](const store::Rollup& sum) {
                                             sums[{sum.start, sum.target}].merge(sum);
                                             return true;
                                           });
  if (!scanned) return tl::unexpected(scanned.error());
  const std::string source = name_of(snapshot_, stretch.source);
  for (const auto& [key, sum] : sums) {
    const auto row = history_row(key.first, sum, sum.flow_windows);
    format_.append(text_, {step(), source, name_of(snapshot_, key.second), row});
    FAULTLINE_TRY_STATUS(flush_full());
  }
  return {};
}

}  // namespace

Status Queries::export_results(const Snapshot& snapshot, const StoredTimes& stored,
                               const api::ExportRequest& request, const api::TextSink& sink) const {
  if (request.since > kRollupSpanMax) {
    return fail(ErrorCode::kLimit,
                fmt::format("the interval is longer than {}", format_duration(kRollupSpanMax)));
  }
  std::vector<NodeId> sources;
  for (const auto& node : snapshot.nodes) sources.push_back(NodeId{node.id});
  std::optional<NodeId> target;
  if (!request.src.empty()) {
    FAULTLINE_TRY(const auto source, find_node(snapshot, request.src));
    sources = {source};
  }
  if (!request.dst.empty()) {
    FAULTLINE_TRY(target, find_node(snapshot, request.dst));
  }
  Exporter exporter(views_, stopping_, snapshot, request, sink);
  const WallTime to = request.at.value_or(stored.now);
  WallTime from = std::max(to - request.since, stored.oldest.value_or(to));
  if (from >= to) {
    return fail(ErrorCode::kNotFound, stored.oldest
                                          ? fmt::format("what is stored of this kind begins at {}",
                                                        format_rfc3339(*stored.oldest))
                                          : std::string("nothing of this kind was stored yet"));
  }
  if (request.rows != api::ExportRows::kWindows) from = window_start(from, exporter.step());
  FAULTLINE_TRY_STATUS(exporter.begin());
  while (from < to) {
    const WallTime end = std::min(to, window_start(from, exporter.stretch()) + exporter.stretch());
    for (const NodeId source : sources) {
      FAULTLINE_TRY_STATUS(exporter.take({source, target, from, end}));
    }
    from = end;
  }
  return exporter.finish();
}

}  // namespace faultline::app
