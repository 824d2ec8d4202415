#include "probe/spool/spool.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "common/base/check.h"
#include "probe/spool/index.h"
#include "probe/spool/segments.h"

namespace faultline::spool {
namespace {

constexpr std::uint64_t kSegmentsTypical = 64;  // what one drop costs: a 64th of the spool
constexpr std::uint64_t kSegmentBytesMax = 1 << 20;
constexpr std::uint64_t kSegmentBytesMin = 16 << 10;
constexpr std::size_t kSegmentsMax = 1'024;  // a probe that restarts often makes small ones
// Gap records may take at most this share of the spool, so that room can always be made.
constexpr std::uint64_t kGapShare = 8;
// A batch may take at most this share.
constexpr std::uint64_t kBatchShare = 4;

// What a record in memory costs beside its payload: index entry, map node, vector.
constexpr std::uint64_t kHeldRecordBytes = 128;

using Payload = std::vector<std::byte>;

Entry gap_over(std::uint64_t first, std::uint64_t last, std::uint64_t results) {
  return {.first = first, .last = last, .results = results, .location = {}, .length = 0};
}

}  // namespace

struct Spool::State {
  explicit State(std::uint64_t size) : size_max(size) {}

  [[nodiscard]] Status recover();
  std::uint64_t append(BootId boot, Payload payload, std::uint64_t results);
  // Adds an entry that is in memory until persist() succeeds.
  void put_in_memory(std::uint64_t rank, const Entry& entry, Payload payload);
  // Writes what is in memory to the disk, as far as the disk lets us.
  void persist();
  void make_room(std::uint64_t bytes_needed);
  void drop_oldest_segment();
  // The batch becomes a gap record, in memory until persist().
  void drop(const EntryKey& key);
  void shed_memory();
  void join_with_previous_gap(const EntryKey& key);
  void forget_surplus_gaps();
  void on_removed(const EntryKey& key, const Entry& entry);
  [[nodiscard]] Result<Batch> load(const EntryKey& key, const Entry& entry);
  [[nodiscard]] std::uint64_t bytes() const {
    return segments->bytes() + memory_bytes + memory.size() * kRecordHeaderBytes;
  }

  std::uint64_t size_max;
  std::unique_ptr<Segments> segments;
  Index index{[this](const EntryKey& key, const Entry& entry) { on_removed(key, entry); }};
  std::map<EntryKey, Payload> memory;  // of the entries without a place on disk; gaps: empty
  std::uint64_t memory_bytes = 0;      // of the payloads in it
  SpoolStats counters;
};

Status Spool::State::recover() {
  FAULTLINE_TRY_STATUS(segments->recover([&](const RecordHeader& header, const Location& location) {
    index.put(index.rank_of(header.boot),
              {header.first, header.last, header.results, location, header.length});
  }));
  for (const auto& [key, hole] : index.holes()) put_in_memory(key.rank, hole, {});
  forget_surplus_gaps();
  make_room(0);  // size_max may be smaller than it was
  persist();
  segments->sweep();
  return {};
}

void Spool::State::put_in_memory(std::uint64_t rank, const Entry& entry, Payload payload) {
  index.put(rank, entry);
  memory_bytes += payload.size();
  memory[{rank, entry.first}] = std::move(payload);
}

void Spool::State::persist() {
  while (!memory.empty()) {
    const auto& [key, payload] = *memory.begin();
    Entry* entry = index.find(key);
    FAULTLINE_CHECK(entry != nullptr, "what is in memory is in the index");
    const auto location = segments->append({.boot = index.boot(key.rank).id,
                                            .first = entry->first,
                                            .last = entry->last,
                                            .results = entry->results,
                                            .length = entry->length,
                                            .payload_crc = crc32c(payload)},
                                           payload);
    if (!location) {
      counters.disk_error = location.error();
      return;
    }
    entry->location = *location;
    memory_bytes -= payload.size();
    memory.erase(memory.begin());
  }
  counters.disk_error.reset();
}

// Room is always found: live gap records take at most an eighth, a batch at most a quarter.
void Spool::State::make_room(std::uint64_t bytes_needed) {
  while (segments->count() > 0 &&
         (bytes() + bytes_needed > size_max || index.size() >= kBatchesMax ||
          segments->count() > kSegmentsMax)) {
    drop_oldest_segment();
    forget_surplus_gaps();
    // On disk before the segment is deleted: a crash in between leaves both, and the gap wins.
    persist();
    segments->sweep();
  }
}

// Runs of consecutive sequence numbers, gap records of earlier drops among them, become one each.
void Spool::State::drop_oldest_segment() {
  EntryKey run_key;
  std::optional<Entry> run;
  const auto close_run = [&] {
    if (run) put_in_memory(run_key.rank, *run, {});
    run.reset();
  };
  for (const auto& [key, entry] : index.in_segment(segments->seal_oldest())) {
    if (!entry.is_gap()) counters.results_dropped += entry.results;
    if (run && run_key.rank == key.rank && run->last + 1 == entry.first) {
      run->last = entry.last;
      run->results += entry.results;
    } else {
      close_run();
      run_key = key;
      run = gap_over(entry.first, entry.last, entry.results);
    }
  }
  close_run();
}

void Spool::State::drop(const EntryKey& key) {
  const Entry entry = *index.find(key);
  counters.results_dropped += entry.results;
  put_in_memory(key.rank, gap_over(entry.first, entry.last, entry.results), {});
}

void Spool::State::shed_memory() {
  while (memory_bytes + memory.size() * kHeldRecordBytes > kMemoryBytesMax) {
    const auto oldest = std::find_if(memory.begin(), memory.end(),
                                     [](const auto& held) { return !held.second.empty(); });
    if (oldest == memory.end()) return;
    const EntryKey key = oldest->first;
    drop(key);
    join_with_previous_gap(key);
  }
}

// Else a disk that fails for weeks would leave one gap record for each batch.
void Spool::State::join_with_previous_gap(const EntryKey& key) {
  const Entry* previous = index.before(key);
  const Entry entry = *index.find(key);
  if (previous == nullptr || !previous->is_gap() || previous->location.segment != 0) return;
  if (previous->last + 1 != entry.first) return;
  put_in_memory(key.rank, gap_over(previous->first, entry.last, previous->results + entry.results),
                {});
}

void Spool::State::forget_surplus_gaps() {
  const std::size_t gaps_max =
      std::min<std::uint64_t>(kGapRecordsMax, size_max / kGapShare / kRecordHeaderBytes);
  while (index.gaps() > gaps_max) {
    EntryKey oldest;
    index.visit_after(0, 0, [&](std::uint64_t rank, const Index::Boot&, const Entry& entry) {
      oldest = {rank, entry.first};
      return !entry.is_gap();
    });
    index.remove(oldest);
    ++counters.gaps_forgotten;
  }
}

void Spool::State::on_removed(const EntryKey& key, const Entry& entry) {
  if (entry.location.segment != 0) {
    segments->forget(entry.location);
  } else if (const auto held = memory.find(key); held != memory.end()) {
    memory_bytes -= held->second.size();
    memory.erase(held);
  }
}

Result<Batch> Spool::State::load(const EntryKey& key, const Entry& entry) {
  Batch batch{index.boot(key.rank).id, entry.first, entry.last, 0, {}};
  if (entry.is_gap()) {
    batch.results_dropped = entry.results;
    return batch;
  }
  if (entry.location.segment == 0) {
    batch.payload = memory.at(key);
    return batch;
  }
  auto payload = segments->read(entry.location, entry.length);
  if (payload) {
    batch.payload = std::move(*payload);
  } else if (payload.error().code == ErrorCode::kCorrupt) {
    drop(key);
    batch.results_dropped = entry.results;
  } else {
    return tl::unexpected<Error>(payload.error());
  }
  return batch;
}

Result<std::unique_ptr<Spool>> Spool::open(const std::filesystem::path& directory,
                                           std::uint64_t size_max) {
  if (size_max < kSpoolSizeMin) {
    return fail(ErrorCode::kInvalid, fmt::format("a spool of {} bytes is too small: at least {}",
                                                 size_max, kSpoolSizeMin));
  }
  auto state = std::make_unique<State>(size_max);
  FAULTLINE_TRY(state->segments,
                Segments::open(directory, std::clamp(size_max / kSegmentsTypical, kSegmentBytesMin,
                                                     kSegmentBytesMax)));
  FAULTLINE_TRY_STATUS(state->recover());
  return std::unique_ptr<Spool>{new Spool{std::move(state)}};
}

Spool::Spool(std::unique_ptr<State> state) : state_(std::move(state)) {}
Spool::~Spool() = default;

Result<std::uint64_t> Spool::append(BootId boot, std::span<const std::byte> payload,
                                    std::uint64_t results_count) {
  if (payload.empty())
    return fail(ErrorCode::kInvalid, "a batch without content cannot be spooled");
  const std::uint64_t needed = kRecordHeaderBytes + payload.size();
  if (payload.size() > kBatchPayloadMax || needed > state_->size_max / kBatchShare) {
    return fail(ErrorCode::kLimit,
                fmt::format("a batch of {} bytes is too large for the spool", payload.size()));
  }
  return state_->append(boot, {payload.begin(), payload.end()}, results_count);
}

void Spool::append_lost(BootId boot, std::uint64_t results_count) {
  state_->counters.results_dropped += results_count;
  static_cast<void>(state_->append(boot, {}, results_count));
}

// Without a payload: a gap record.
std::uint64_t Spool::State::append(BootId boot, Payload payload, std::uint64_t results) {
  make_room(kRecordHeaderBytes + payload.size());
  const std::uint64_t rank = index.rank_of(boot);
  const std::uint64_t sequence = index.boot(rank).next_sequence;
  Entry entry = gap_over(sequence, sequence, results);
  entry.length = static_cast<std::uint32_t>(payload.size());
  put_in_memory(rank, entry, std::move(payload));
  persist();
  shed_memory();
  forget_surplus_gaps();
  segments->sweep();
  index.forget_empty_boots();
  return sequence;
}

Result<SpoolRead> Spool::unacknowledged(SpoolCursor after, std::size_t batches_max,
                                        SpoolCursor until) {
  std::vector<std::pair<EntryKey, Entry>> wanted;
  state_->index.visit_after(after.boot_rank, after.sequence,
                            [&](std::uint64_t rank, const Index::Boot&, const Entry& entry) {
                              if (wanted.size() == batches_max) return false;
                              if (SpoolCursor{rank, entry.first} > until) return false;
                              wanted.push_back({{rank, entry.first}, entry});
                              return true;
                            });
  SpoolRead read{.batches = {}, .next = after};
  std::size_t bytes = 0;
  for (const auto& [key, entry] : wanted) {
    if (!read.batches.empty() && bytes + entry.length > kReadBytesMax) break;
    auto batch = state_->load(key, entry);
    if (!batch && read.batches.empty()) return tl::unexpected<Error>(batch.error());
    if (!batch) break;
    bytes += entry.length;
    read.batches.push_back(std::move(*batch));
    read.next = {key.rank, entry.last};
  }
  return read;
}

SpoolCursor Spool::start_of(BootId boot) const { return {state_->index.would_rank(boot), 0}; }

void Spool::release(BootId boot, std::span<const SequenceInterval> durable) {
  state_->index.release(boot, durable);
  state_->segments->sweep();
  state_->index.forget_empty_boots();
}

void Spool::set_size_max(std::uint64_t size_max) {
  FAULTLINE_CHECK(size_max >= kSpoolSizeMin, "the configuration is validated");
  state_->size_max = size_max;
  state_->forget_surplus_gaps();
  state_->make_room(0);
  state_->persist();
  state_->segments->sweep();
  state_->index.forget_empty_boots();
}

SpoolStats Spool::stats() const {
  SpoolStats stats = state_->counters;
  stats.batches = state_->index.size();
  stats.bytes = state_->segments->bytes();
  stats.bytes_damaged = state_->segments->bytes_damaged();
  return stats;
}

}  // namespace faultline::spool
