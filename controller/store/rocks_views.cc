#include "controller/store/rocks_views.h"

#include <algorithm>
#include <set>

#include "controller/store/keys.h"
#include "controller/store/values.h"

namespace faultline::store {
namespace {

// Collects, from one day, the newest path at or before `at` of each session not in `seen`.
class DaySweep {
 public:
  DaySweep(const Database& database, WallTime at, std::set<std::string>& seen,
           std::vector<StoredPath>& found)
      : database_(database), at_(at), seen_(seen), found_(found) {}

  Status sweep(const std::string& prefix) {
    const std::string upper_bytes = after_prefix(prefix);
    const rocksdb::Slice upper{upper_bytes};
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> it{
        database_.db().NewIterator(options, database_.paths())};
    it->Seek(prefix);
    while (it->Valid()) {
      const auto key = decode_path_key(it->key().ToStringView());
      if (!key) {
        database_.count_damage();
        it->Next();
      } else if (key->traced_at > at_) {
        seek_to_time(*it, *key);
      } else {
        take(*key, it->value().ToStringView());
        skip_session(*it);
      }
    }
    if (it->status().ok()) return {};
    return tl::unexpected<Error>(Database::error("cannot read the paths", it->status()));
  }

 private:
  // Newer than asked for: within the session the newest comes first.
  void seek_to_time(rocksdb::Iterator& it, PathKey key) const {
    if (path_day(key.traced_at) == path_day(at_)) {
      key.traced_at = at_;
      it.Seek(encode(key));
    } else {
      skip_session(it);
    }
  }

  void take(const PathKey& key, std::string_view value) {
    // The session without its day: the same in both days.
    const std::string session = encode(key).substr(4, kPathKeySessionBytes - 4);
    if (seen_.contains(session)) return;
    if (auto stored = decode_path(key, value)) {
      seen_.insert(session);
      found_.push_back(std::move(*stored));
    } else {
      database_.count_damage();
    }
  }

  static void skip_session(rocksdb::Iterator& it) {
    it.Seek(after_prefix(it.key().ToStringView().substr(0, kPathKeySessionBytes)));
  }

  const Database& database_;
  WallTime at_;
  std::set<std::string>& seen_;
  std::vector<StoredPath>& found_;
};

}  // namespace

bool needs_storing(const PathRecord& stored, const PathRecord& traced) {
  if (path_day(stored.traced_at) != path_day(traced.traced_at)) return true;
  return stored.complete != traced.complete || stored.hops != traced.hops;
}

Result<std::vector<StoredPath>> RocksViews::load_paths(WallTime at,
                                                       std::optional<NodeId> reporter) const {
  std::set<std::string> seen;
  std::vector<StoredPath> found;
  DaySweep days{database_, at, seen, found};
  for (const std::int32_t day : {path_day(at), path_day(at) - 1}) {
    FAULTLINE_TRY_STATUS(
        days.sweep(reporter ? path_reporter_floor(day, *reporter) : path_day_floor(day)));
  }
  return found;
}

Result<std::vector<StoredPath>> RocksViews::load_path_history(WallTime from, WallTime to) const {
  FAULTLINE_TRY(auto found, load_paths(from, {}));
  const auto known = static_cast<std::ptrdiff_t>(found.size());
  for (std::int32_t day = path_day(from); day <= path_day(to); ++day) {
    const std::string prefix = path_day_floor(day);
    const std::string upper_bytes = path_day_floor(day + 1);
    const rocksdb::Slice upper{upper_bytes};
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> it{
        database_.db().NewIterator(options, database_.paths())};
    for (it->Seek(prefix); it->Valid(); it->Next()) {
      const auto key = decode_path_key(it->key().ToStringView());
      if (key && (key->traced_at <= from || key->traced_at > to)) continue;
      auto stored = key ? decode_path(*key, it->value().ToStringView()) : std::nullopt;
      if (stored) {
        found.push_back(std::move(*stored));
      } else {
        database_.count_damage();
      }
    }
    if (!it->status().ok()) {
      return tl::unexpected<Error>(Database::error("cannot read the paths", it->status()));
    }
  }
  std::stable_sort(found.begin() + known, found.end(), [](const auto& a, const auto& b) {
    return a.path.traced_at < b.path.traced_at;
  });
  return found;
}

Status RocksViews::drop_paths_before(WallTime horizon) {
  return database_.drop_below(database_.paths(), path_day_floor(path_day(horizon)));
}

}  // namespace faultline::store
