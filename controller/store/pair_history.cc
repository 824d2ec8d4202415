// RocksViews' history of one pair. Its day lies in hundreds of places of the disk, which answers
// many reads in the time of one: so the interval is cut into pieces, of which the next ones are
// read on threads of their own while the visitor looks at the first.
#include <algorithm>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <rocksdb/snapshot.h>

#include "controller/store/bucket_cursor.h"
#include "controller/store/flow_block.h"
#include "controller/store/fresh_windows.h"
#include "controller/store/rocks_views.h"

namespace faultline::store {
namespace {

// At most so many pieces are read, or wait for the visitor.
constexpr std::size_t kPiecesAhead = 4;
// A piece begins as one block long, and is made longer where it holds little: this is what a
// question may hold in memory, about 8 MB for each piece.
constexpr std::size_t kFlowWindowsPerPiece = 1 << 16;
constexpr Duration kSealedPieceMax = 12 * kBlockSpan;
constexpr Duration kFreshPieceMax = std::chrono::minutes{10};

struct Pair {
  NodeId source;
  NodeId target;
};

struct Piece {
  WallTime from{};
  WallTime to{};
  bool is_sealed = true;

  [[nodiscard]] bool holds(WallTime time) const { return from <= time && time < to; }
};

// PairWindow with what it refers to.
struct OwnedWindow {
  WallTime start{};
  Duration window{};
  std::vector<FlowWindow> flows;
  std::optional<stats::Histogram> rtt;

  [[nodiscard]] bool is_empty() const { return flows.empty() && !rtt; }
};

struct PieceRead {
  Piece piece;
  std::vector<OwnedWindow> windows;
  ScanSummary summary;
  Status status;
};

// Pieces of one column family whose keys begin with the time. Where nothing is stored there are
// none, however long an interval is asked for.
class Pieces {
 public:
  Pieces(const Database& database, rocksdb::ColumnFamilyHandle* family,
         const rocksdb::Snapshot* snapshot, const Piece& all, Duration length_max)
      : database_(database),
        family_(family),
        rest_(all),
        length_(std::min(kBlockSpan, length_max)),
        length_max_(length_max),
        upper_bytes_(window_floor(all.to)),
        upper_(upper_bytes_) {
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &upper_;
    options.snapshot = snapshot;
    iterator_.reset(database.db().NewIterator(options, family));
  }

  [[nodiscard]] std::optional<Piece> next() {
    if (rest_.from >= rest_.to) return std::nullopt;
    Piece piece = rest_;
    const auto stored = first_stored();
    piece.from = stored ? std::max(rest_.from, *stored) : rest_.to;
    piece.to = std::min(window_start(piece.from, length_) + length_, rest_.to);
    rest_.from = std::max(piece.from, piece.to);
    return piece.from < piece.to ? std::optional(piece) : std::nullopt;
  }

  // What a piece of this length held.
  void learn(const Piece& piece, std::size_t flow_windows) {
    const Duration length = piece.to - piece.from;
    if (flow_windows > kFlowWindowsPerPiece) {
      length_ = std::max(std::min(length_, length / 2), std::min(kBlockSpan, length_max_));
    } else if (length >= length_ && 2 * flow_windows <= kFlowWindowsPerPiece) {
      length_ = std::min(2 * length_, length_max_);
    }
  }

 private:
  // At or behind the beginning of the rest. Behind damage: where the next table begins, for who
  // reads the piece knows how to step over what is damaged in it.
  [[nodiscard]] std::optional<WallTime> first_stored() const {
    const auto floor =
        window_floor(rest_.is_sealed ? window_start(rest_.from, kBlockSpan) : rest_.from);
    iterator_->Seek(floor);
    if (iterator_->Valid()) {
      return decode_time(iterator_->key().ToStringView()).value_or(rest_.from);
    }
    if (iterator_->status().ok()) return std::nullopt;
    std::optional<WallTime> first;
    std::vector<rocksdb::LiveFileMetaData> files;
    database_.db().GetLiveFilesMetaData(&files);
    for (const auto& file : files) {
      if (file.column_family_name != family_->GetName() || file.largestkey < floor) continue;
      const auto begin = decode_time(file.smallestkey);
      if (begin && (!first || *begin < *first)) first = begin;
    }
    return first;
  }

  const Database& database_;
  rocksdb::ColumnFamilyHandle* family_;
  Piece rest_;
  Duration length_;
  Duration length_max_;
  std::string upper_bytes_;
  rocksdb::Slice upper_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

void take_part(const FlowPart& part, const Piece& piece, std::vector<OwnedWindow>& windows) {
  std::vector<OwnedWindow> taken;
  taken.reserve(part.windows.size());
  for (const auto& at : part.windows) taken.push_back({at.start, at.window, {}, {}});
  for (const auto& row : part.rows) taken[row.window].flows.push_back(row.flow);
  for (const auto& delay : part.delays) taken[delay.window].rtt = delay.rtt;
  for (auto& window : taken) {
    if (piece.holds(window.start) && !window.is_empty()) windows.push_back(std::move(window));
  }
}

Status read_sealed(const Database& database, const Pair& pair, const Piece& piece,
                   const rocksdb::Snapshot* snapshot, PieceRead& read) {
  BucketCursor cursor{database,
                      {database.blocks(), kBlockSpan, window_start(piece.from, kBlockSpan),
                       piece.to, pair.source, pair.target},
                      read.summary,
                      snapshot};
  for (; cursor.valid(); cursor.next()) {
    const auto take = [&](const FlowPart& part) { take_part(part, piece, read.windows); };
    if (!decode_parts(cursor.value(), pair.target, take)) {
      cursor.note_damage(to_string(cursor.key()));
    }
  }
  if (cursor.status().ok()) return {};
  return tl::unexpected<Error>(Database::error("cannot read the results", cursor.status()));
}

Status read_fresh(const Database& database, const Pair& pair, const Piece& piece,
                  const rocksdb::Snapshot* snapshot, PieceRead& read) {
  const auto take = [&](NodeId, const Report& report) {
    OwnedWindow window{report.window_start, report.window, report.flows, {}};
    for (const TargetDelay& delay : report.delays) window.rtt = delay.rtt;
    if (!window.is_empty()) read.windows.push_back(std::move(window));
    return true;
  };
  const FreshQuery query{piece.from, piece.to, pair.source, pair.target};
  FAULTLINE_TRY_STATUS(scan_fresh(database, query, snapshot, read.summary, take));
  read.summary.visited = 0;  // of reports; windows of the pair are counted as they are visited
  return {};
}

PieceRead read_piece(const Database& database, const Pair& pair, const Piece& piece,
                     const rocksdb::Snapshot* snapshot) {
  PieceRead read;
  read.piece = piece;
  read.status = (piece.is_sealed ? read_sealed : read_fresh)(database, pair, piece, snapshot, read);
  return read;
}

void add_damage(const ScanSummary& piece, ScanSummary& summary) {
  summary.damaged += piece.damaged;
  for (const auto& place : piece.damaged_places) {
    if (summary.damaged_places.size() < kDamagedPlacesMax) summary.damaged_places.push_back(place);
  }
}

}  // namespace

Result<ScanSummary> RocksViews::scan_pair(NodeId source, NodeId target, WallTime from, WallTime to,
                                          const PairVisitor& visitor) const {
  const WallTime fresh_from = database_.fresh_from();  // before the snapshot
  rocksdb::ManagedSnapshot snapshot{&database_.db()};
  from = std::max(from, WallTime{});
  Pieces sealed{
      database_, database_.blocks(), snapshot.snapshot(), {from, to, true}, kSealedPieceMax};
  Pieces fresh{database_,
               database_.windows(),
               snapshot.snapshot(),
               {std::max(from, fresh_from), to, false},
               kFreshPieceMax};
  const auto next = [&] {
    const auto piece = sealed.next();
    return piece ? piece : fresh.next();
  };
  std::deque<std::future<PieceRead>> ahead;  // its end waits for those that are being read
  ScanSummary summary;
  for (auto piece = next(); piece || !ahead.empty();) {
    for (; piece && ahead.size() < kPiecesAhead; piece = next()) {
      // Where no thread can be had, in this one's own turn.
      ahead.push_back(std::async(read_piece, std::cref(database_), Pair{source, target}, *piece,
                                 snapshot.snapshot()));
    }
    const PieceRead read = ahead.front().get();
    ahead.pop_front();
    add_damage(read.summary, summary);
    FAULTLINE_TRY_STATUS(read.status);
    std::size_t flow_windows = 0;
    for (const auto& window : read.windows) {
      ++summary.visited;
      flow_windows += window.flows.size();
      const auto* rtt = window.rtt ? &*window.rtt : nullptr;
      if (!visitor({window.start, window.window, window.flows, rtt})) return summary;
    }
    (read.piece.is_sealed ? sealed : fresh).learn(read.piece, flow_windows);
  }
  return summary;
}

}  // namespace faultline::store
