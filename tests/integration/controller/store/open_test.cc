#include <fstream>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include "controller/store/keys.h"
#include "tests/integration/controller/store/store_fixture.h"

namespace faultline::store {
namespace {

namespace fs = std::filesystem;

Error open_error(const fs::path& directory) {
  const auto store = RocksStore::open(directory);
  REQUIRE_FALSE(store.has_value());
  return store.error();
}

// Opens the raw database as it is on disk, for what no version of ours would write.
class RawDatabase {
 public:
  explicit RawDatabase(const fs::path& directory) {
    std::vector<std::string> names;
    REQUIRE(rocksdb::DB::ListColumnFamilies({}, directory.string(), &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const auto& name : names) families.emplace_back(name, rocksdb::ColumnFamilyOptions{});
    rocksdb::DB* db = nullptr;
    REQUIRE(rocksdb::DB::Open({}, directory.string(), families, &handles_, &db).ok());
    db_.reset(db);
  }
  ~RawDatabase() {
    for (auto* handle : handles_) static_cast<void>(db_->DestroyColumnFamilyHandle(handle));
  }
  RawDatabase(const RawDatabase&) = delete;
  RawDatabase& operator=(const RawDatabase&) = delete;

  [[nodiscard]] rocksdb::DB& db() const { return *db_; }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

TEST_CASE("the data directory is made with its parents, for its owner only", "[store]") {
  TemporaryDirectory directory;
  const fs::path data = directory.path() / "var" / "data";
  auto store = open_store(data);
  CHECK((fs::status(data).permissions() & fs::perms::all) == fs::perms::owner_all);
}

TEST_CASE("a second opener is refused in one sentence and the first goes on", "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  CHECK(open_error(directory.path()) ==
        Error{ErrorCode::kConflict,
              fmt::format("the data directory {} is in use by another faultline-controller",
                          directory.path().string())});
  CHECK(store->journal().append(std::vector{entry(1, 1)}, {}));
}

TEST_CASE("a data directory that is a file or lies below one is refused", "[store]") {
  TemporaryDirectory directory;
  const fs::path file = directory.path() / "file";
  std::ofstream{file} << "not a directory";
  CHECK(open_error(file).code == ErrorCode::kDenied);
  const Error below = open_error(file / "data");
  CHECK(below.code == ErrorCode::kDenied);
  CHECK(below.context == fmt::format("cannot create the data directory {}: Not a directory",
                                     (file / "data").string()));
}

TEST_CASE("a newer format is refused, whether marked by its key or by a column family", "[store]") {
  TemporaryDirectory directory;
  open_store(directory.path()).reset();
  const auto sentence = [&](std::string_view what) {
    return fmt::format(
        "the data in {} was written by a newer version of faultline-controller ({}); this one "
        "reads formats up to {}: start the newer version again, or restore a backup that this "
        "version made",
        directory.path().string(), what, kFormatVersion);
  };
  {
    const RawDatabase raw{directory.path()};
    REQUIRE(raw.db().Put({}, "format", std::to_string(kFormatVersion + 1)).ok());
  }
  CHECK(open_error(directory.path()) ==
        Error{ErrorCode::kUnsupported, sentence(fmt::format("format {}", kFormatVersion + 1))});
  {
    const RawDatabase raw{directory.path()};
    REQUIRE(raw.db().Put({}, "format", std::to_string(kFormatVersion)).ok());
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    REQUIRE(raw.db().CreateColumnFamily({}, "summaries", &handle).ok());
    REQUIRE(raw.db().DestroyColumnFamilyHandle(handle).ok());
  }
  CHECK(open_error(directory.path()) ==
        Error{ErrorCode::kUnsupported, sentence("it has a column family 'summaries'")});
}

TEST_CASE("an unreadable format key is corruption, not a new store", "[store]") {
  TemporaryDirectory directory;
  open_store(directory.path()).reset();
  {
    const RawDatabase raw{directory.path()};
    REQUIRE(raw.db().Put({}, "format", "banana").ok());
  }
  CHECK(open_error(directory.path()).code == ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace faultline::store
