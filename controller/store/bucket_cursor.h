// BucketCursor: walks blocks or roll-ups in order and steps over damage, as WindowCursor does for
// windows: a bad sector costs what lies in it, which is noted by key.
#pragma once

#include <memory>
#include <string>

#include "controller/store/database.h"
#include "controller/store/keys.h"
#include "controller/store/scan_summary.h"

namespace faultline::store {

class BucketCursor {
 public:
  struct Range {
    rocksdb::ColumnFamilyHandle* family = nullptr;
    Duration span{};  // of its buckets
    WallTime from{};  // buckets from <= bucket < to
    WallTime to{};
    std::optional<NodeId> node{};    // only this one's
    std::optional<NodeId> target{};  // and of them only this; needs a node
  };

  // On the state of `snapshot`. `summary` collects damage.
  BucketCursor(const Database& database, const Range& range, ScanSummary& summary,
               const rocksdb::Snapshot* snapshot);
  BucketCursor(const BucketCursor&) = delete;
  BucketCursor& operator=(const BucketCursor&) = delete;

  void next();
  [[nodiscard]] bool valid() const { return valid_; }
  [[nodiscard]] const BucketKey& key() const { return key_; }
  [[nodiscard]] std::string_view value() const { return iterator_->value().ToStringView(); }
  void note_damage(std::string place);
  [[nodiscard]] const rocksdb::Status& status() const { return status_; }

 private:
  [[nodiscard]] bool is_wanted(const BucketKey& key) const;
  void seek_wanted(const BucketKey& behind);
  void settle();
  void hop_over_damage();

  const Database& database_;
  Range range_;
  ScanSummary& summary_;
  std::string upper_bytes_;
  rocksdb::Slice upper_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
  std::string reached_;  // the last key that was seen, or sought
  BucketKey key_;
  bool valid_ = false;
  rocksdb::Status status_;
};

}  // namespace faultline::store
