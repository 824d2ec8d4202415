#include "controller/store/bucket_cursor.h"

#include <algorithm>

#include <fmt/format.h>

#include "controller/store/bytes.h"

namespace faultline::store {
namespace {

// The key `distance` nodes behind this one in the order of keys, as far as bytes go. The first ten
// bytes are the bucket and the partition, the next eight the node and the target.
std::string further(std::string_view key, std::uint64_t distance) {
  ByteReader reader{key};
  const auto bucket = reader.take<std::uint64_t>();
  const std::uint64_t partition = key.size() >= 10 ? reader.take<std::uint16_t>() : 0U;
  const std::uint64_t node = key.size() >= 14 ? reader.take<std::uint32_t>() : 0U;
  const std::uint64_t reached = (partition << 32) + node;
  const std::uint64_t next = reached + distance;
  std::string bytes;
  // Past the last partition: with the next bucket, whichever that is.
  put(bytes, bucket + (next >> 48));
  put(bytes, static_cast<std::uint16_t>(next >> 32));
  put(bytes, static_cast<std::uint32_t>(next));
  return bytes;
}

}  // namespace

BucketCursor::BucketCursor(const Database& database, const Range& range, ScanSummary& summary,
                           const rocksdb::Snapshot* snapshot)
    : database_(database),
      range_(range),
      summary_(summary),
      upper_bytes_(window_floor(range.to)),
      upper_(upper_bytes_) {
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper_;
  options.snapshot = snapshot;
  options.fill_cache = range.node.has_value();  // a sweep must not push out what is asked for often
  iterator_.reset(database_.db().NewIterator(options, range.family));
  reached_ = range.node
                 ? encode(BucketKey{range.from, *range.node, range.target.value_or(NodeId{0})})
                 : window_floor(range.from);
  iterator_->Seek(reached_);
  settle();
}

void BucketCursor::next() {
  iterator_->Next();
  settle();
}

bool BucketCursor::is_wanted(const BucketKey& key) const {
  return (!range_.node || key.node == *range_.node) &&
         (!range_.target || key.target == *range_.target);
}

// To the wanted place in this bucket, or in the next: most buckets are passed in one seek.
void BucketCursor::seek_wanted(const BucketKey& behind) {
  BucketKey place{behind.bucket, *range_.node, range_.target.value_or(NodeId{0})};
  if (encode(place) <= reached_) place.bucket += range_.span;
  iterator_->Seek(encode(place));
}

void BucketCursor::settle() {
  valid_ = false;
  for (;;) {
    if (!iterator_->Valid()) {
      if (!iterator_->status().IsCorruption()) break;
      hop_over_damage();
      if (!iterator_->Valid()) break;
    }
    const auto key = decode_bucket_key(iterator_->key().ToStringView());
    reached_ = iterator_->key().ToString();
    if (!key) {
      note_damage(fmt::format("key {}", iterator_->key().ToString(/*hex=*/true)));
      iterator_->Next();
      continue;
    }
    if (!is_wanted(*key)) {
      seek_wanted(*key);
      continue;
    }
    key_ = *key;
    valid_ = true;
    return;
  }
  status_ = iterator_->status();
  if (status_.IsCorruption()) status_ = rocksdb::Status::OK();  // noted; nothing is left behind it
}

// By nodes, twice as many each time.
void BucketCursor::hop_over_damage() {
  note_damage(fmt::format("behind key {}: {}", rocksdb::Slice(reached_).ToString(/*hex=*/true),
                          iterator_->status().ToString()));
  for (unsigned shift = 0; shift < 49 && iterator_->status().IsCorruption(); ++shift) {
    reached_ = further(reached_, 1ULL << shift);
    if (reached_ >= upper_bytes_) return;
    iterator_->Seek(reached_);
  }
}

void BucketCursor::note_damage(std::string place) {
  ++summary_.damaged;
  database_.count_damage();
  if (summary_.damaged_places.size() < kDamagedPlacesMax) {
    summary_.damaged_places.push_back(std::move(place));
  }
}

}  // namespace faultline::store
