// Spool: the bounded log on disk of the batches that the controller has not acknowledged yet.
//
// Why it exists: a probe measures through a controller outage and through its own restart, and
// nothing it measured may be lost silently. What does not fit any more consumes its sequence
// numbers as a *gap record* (common/model/control.h), which is sent and acknowledged like a batch:
// loss of data is itself data.
//
// Files: segments of numbered files in one directory (segment.h has the layout). A segment is
// deleted when all of it is acknowledged. When the spool is full its oldest segment makes room:
// what is unacknowledged of it is replaced by gap records at the end of the log. Durability:
// append() and gap records are synced (fdatasync) before they count, that is once per window.
// Acknowledgements are not stored: what a restart finds is sent again, and the controller knows
// duplicates. Hence after a crash or a lost acknowledgement results_dropped of a gap may include
// results that did arrive: it is an upper bound. Disk full or failing: batches stay in a small
// queue in memory (kMemoryBytesMax; beyond it the oldest becomes a gap record), each append tries
// the disk again, and stats().disk_error says why.
//
// Memory: an index entry of 48 bytes per batch; payloads stay on disk.
// Thread safety: none; one owner (the probe's worker thread). Calls block on the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/model/control.h"

namespace faultline::spool {

inline constexpr std::uint64_t kSpoolSizeDefault = 64 << 20;  // bytes
inline constexpr std::uint64_t kSpoolSizeMin = 64 << 10;
inline constexpr std::size_t kMemoryBytesMax = 1 << 20;  // payloads held while the disk fails
inline constexpr std::size_t kReadBytesMax = 4
                                             << 20;  // payloads that one read returns, or one batch
inline constexpr std::size_t kBatchesMax = 65'536;   // a week of windows; bounds the index
inline constexpr std::size_t kGapRecordsMax = 1'024;  // the oldest is forgotten, and counted

struct SpoolStats {
  std::uint64_t batches = 0;          // not acknowledged, gap records included
  std::uint64_t bytes = 0;            // in segments, acknowledged parts included
  std::uint64_t results_dropped = 0;  // since open, lost, unreadable or without room: now in gaps
  std::uint64_t gaps_forgotten = 0;   // gap records beyond kGapRecordsMax: loss that is only here
  std::uint64_t bytes_damaged = 0;    // torn or damaged bytes cut off when opened
  std::optional<Error> disk_error;    // why batches are in memory now; empty when all is well

  bool operator==(const SpoolStats&) const = default;
};

// A position in the order of the spool: oldest boot first, then by sequence. Default: the
// beginning. It stays valid whatever is appended or released.
struct SpoolCursor {
  std::uint64_t boot_rank = 0;
  std::uint64_t sequence = 0;

  auto operator<=>(const SpoolCursor&) const = default;
};

inline constexpr SpoolCursor kSpoolEnd{~std::uint64_t{0}, ~std::uint64_t{0}};

struct SpoolRead {
  std::vector<Batch> batches;
  SpoolCursor next;  // after the last of them; pass it on to read further

  bool operator==(const SpoolRead&) const = default;
};

class Spool {
 public:
  // Recovers what earlier boots left; a torn tail is cut, and sequence numbers missing before or
  // between records become gap records with results_dropped 0 (unknown; or acknowledged, then the
  // controller ignores them). The error is one sentence: kConflict when another process has the
  // directory, kDenied when it cannot be written, kInvalid when size_max is below kSpoolSizeMin.
  [[nodiscard]] static Result<std::unique_ptr<Spool>> open(const std::filesystem::path& directory,
                                                           std::uint64_t size_max);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // Returns the sequence number given: 1, 2, 3 ... per boot. `boot` is the running process's; a new
  // process takes a new one. Fails only with kInvalid (empty payload) or kLimit (over
  // kBatchPayloadMax or a quarter of size_max), and then no number is consumed; a failing disk is
  // no failure of append.
  [[nodiscard]] Result<std::uint64_t> append(BootId boot, std::span<const std::byte> payload,
                                             std::uint64_t results_count);

  // Results that never became a batch, because something before the spool was full: a gap record.
  void append_lost(BootId boot, std::uint64_t results_count);

  // Up to `batches_max` unacknowledged batches and gap records that end after one cursor and begin
  // no later than at the other: a gap record over a cursor is on both sides of it. A batch whose
  // bytes do not match their checksum comes as a gap record. Empty: there is none. What becomes a
  // gap behind the cursor is found by the next read from the beginning: resend from there.
  [[nodiscard]] Result<SpoolRead> unacknowledged(SpoolCursor after, std::size_t batches_max,
                                                 SpoolCursor until = kSpoolEnd);
  // Before the first batch of `boot`. With the running boot and a sequence number of it: what lies
  // between live batches and the backlog.
  [[nodiscard]] SpoolCursor start_of(BootId boot) const;

  // The controller has these: a gap record goes when all of it is covered.
  void release(BootId boot, std::span<const SequenceInterval> durable);

  // At least kSpoolSizeMin. Smaller than before: the oldest makes room at once. Segments stay as
  // large as open() made them, so that what one drop costs does.
  void set_size_max(std::uint64_t size_max);

  [[nodiscard]] SpoolStats stats() const;

 private:
  struct State;
  explicit Spool(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace faultline::spool
