// WindowCursor: walks the windows in order and steps over damage instead of ending at it.
//
// Why it exists: a RocksDB iterator stops for good at a block whose checksum does not match, and
// one bad sector must not hide a day of results. The cursor seeks on behind it, by hops in time
// that begin at a second and double until a read succeeds, goes back to the first second that can
// be read, and notes each place it had to skip.
#pragma once

#include <memory>
#include <string>

#include "controller/store/database.h"
#include "controller/store/journal.h"
#include "controller/store/keys.h"

namespace faultline::store {

class WindowCursor {
 public:
  // Covers from <= window_start < to, on the state of this moment. `summary` collects damage.
  // The state of `snapshot` instead where there is one. What a sweep reads is not cached: it would
  // push out what is asked for often.
  WindowCursor(const Database& database, WallTime from, WallTime to, ScanSummary& summary,
               const rocksdb::Snapshot* snapshot = nullptr, bool is_sweep = true);
  WindowCursor(const WindowCursor&) = delete;
  WindowCursor& operator=(const WindowCursor&) = delete;

  void seek(const WindowKey& key);  // to the first one at or after key
  void seek(WallTime window_start, std::uint16_t partition);
  // Likewise, and ends with this node's part of the window, whatever boot and sequence: what lies
  // behind it is then not read. From its end only another seek goes on.
  void seek_within(const WindowKey& key);
  void next();
  [[nodiscard]] bool valid() const { return valid_; }
  [[nodiscard]] const WindowKey& key() const { return key_; }
  // Empty when the value does not decode: noted as damage.
  [[nodiscard]] std::optional<JournalEntry> entry();
  // An error other than damage; the cursor is then not valid.
  [[nodiscard]] const rocksdb::Status& status() const { return status_; }

 private:
  void settle();
  void seek_bytes(const std::string& key, const std::string& upper);
  void hop_over_damage();
  [[nodiscard]] bool reads_at(WallTime time);
  void note_damage(std::string place);
  [[nodiscard]] WallTime first_stored_after(WallTime reached) const;

  const Database& database_;
  WallTime to_;
  ScanSummary& summary_;
  std::string upper_bytes_;
  std::string within_bytes_;
  // Of these two the one that the last seek was for. RocksDB's iterators refer to it and compare
  // with what it says at the time, so it may change, if a seek is what comes next.
  rocksdb::Slice upper_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
  WallTime reached_;  // everything before it was seen
  WindowKey key_;
  bool valid_ = false;
  rocksdb::Status status_;
};

}  // namespace faultline::store
