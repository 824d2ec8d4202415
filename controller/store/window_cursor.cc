#include "controller/store/window_cursor.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "controller/store/values.h"

namespace faultline::store {
namespace {

constexpr Duration kFirstHop = std::chrono::seconds{1};

}  // namespace

WindowCursor::WindowCursor(const Database& database, WallTime from, WallTime to,
                           ScanSummary& summary, const rocksdb::Snapshot* snapshot, bool is_sweep)
    : database_(database),
      to_(to),
      summary_(summary),
      upper_bytes_(window_floor(to)),
      upper_(upper_bytes_),
      reached_(std::max(from, WallTime{})) {
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper_;
  options.snapshot = snapshot;
  options.fill_cache = !is_sweep;
  iterator_.reset(database_.db().NewIterator(options, database_.windows()));
  iterator_->Seek(window_floor(from));
  settle();
}

void WindowCursor::seek(const WindowKey& key) {
  reached_ = key.window_start;
  seek_bytes(encode(key), upper_bytes_);
}

void WindowCursor::seek(WallTime window_start, std::uint16_t partition) {
  reached_ = window_start;
  seek_bytes(partition_floor(window_start, partition), upper_bytes_);
}

void WindowCursor::seek_within(const WindowKey& key) {
  reached_ = key.window_start;
  const std::string bytes = encode(key);
  const auto of_node = std::string_view{bytes}.substr(0, kWindowKeyNodeBytes);
  within_bytes_ = std::min(after_prefix(of_node), upper_bytes_);
  seek_bytes(bytes, within_bytes_);
}

void WindowCursor::seek_bytes(const std::string& key, const std::string& upper) {
  upper_ = upper;
  iterator_->Seek(key);
  settle();
}

void WindowCursor::next() {
  iterator_->Next();
  settle();
}

// Makes the state of the iterator ours: on a key that decodes, at the end, or failed.
void WindowCursor::settle() {
  valid_ = false;
  for (;;) {
    if (!iterator_->Valid()) {
      if (!iterator_->status().IsCorruption()) break;
      hop_over_damage();
      if (!iterator_->Valid()) break;
    }
    if (const auto key = decode_window_key(iterator_->key().ToStringView())) {
      key_ = *key;
      reached_ = key->window_start;
      valid_ = true;
      return;
    }
    note_damage(fmt::format("key {}", iterator_->key().ToString(/*hex=*/true)));
    iterator_->Next();
  }
  status_ = iterator_->status();
  if (status_.IsCorruption()) status_ = rocksdb::Status::OK();  // noted; nothing is left behind it
}

void WindowCursor::hop_over_damage() {
  note_damage(fmt::format("behind window {}: {}", format_rfc3339(reached_),
                          iterator_->status().ToString()));
  upper_ = upper_bytes_;  // what can be read may lie far behind what was sought
  WallTime unreadable = first_stored_after(reached_);
  WallTime readable = to_;  // behind it nothing is wanted
  for (Duration hop = kFirstHop; unreadable + hop < to_; hop *= 2) {
    if (reads_at(unreadable + hop)) {
      readable = unreadable + hop;
      break;
    }
    unreadable += hop;
  }
  // What lies between was skipped by the last hop alone.
  while (readable - unreadable > kFirstHop) {
    const WallTime middle = unreadable + (readable - unreadable) / 2;
    (reads_at(middle) ? readable : unreadable) = middle;
  }
  // A seek forward may have passed by what a fresh one has to read.
  for (Duration hop = kFirstHop; !reads_at(readable) && to_ - readable > hop; hop *= 2) {
    readable += hop;
  }
  reached_ = readable;
}

bool WindowCursor::reads_at(WallTime time) {
  iterator_->Seek(window_floor(time));
  return !iterator_->status().IsCorruption();
}

// Damage at the very beginning of a scan may be found long before the first window: hops start
// where data does. Never before 1970, so that differences of times cannot overflow.
WallTime WindowCursor::first_stored_after(WallTime reached) const {
  WallTime first = to_;
  const std::string floor = window_floor(reached);
  std::vector<rocksdb::LiveFileMetaData> files;
  database_.db().GetLiveFilesMetaData(&files);
  for (const rocksdb::LiveFileMetaData& file : files) {
    if (file.column_family_name != database_.windows()->GetName()) continue;
    const auto smallest = decode_window_key(file.smallestkey);
    if (smallest && file.largestkey >= floor) first = std::min(first, smallest->window_start);
  }
  return std::max({reached, first, WallTime{}});
}

std::optional<JournalEntry> WindowCursor::entry() {
  auto decoded = decode_entry(key_, iterator_->value().ToStringView());
  if (!decoded) note_damage(to_string(key_));
  return decoded;
}

void WindowCursor::note_damage(std::string place) {
  ++summary_.damaged;
  database_.count_damage();
  if (summary_.damaged_places.size() < kDamagedPlacesMax) {
    summary_.damaged_places.push_back(std::move(place));
  }
}

}  // namespace faultline::store
