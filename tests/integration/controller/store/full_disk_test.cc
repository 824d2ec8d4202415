// A disk that takes no more: a small tmpfs. Mounting takes root.
#include <sys/mount.h>

#include "tests/integration/controller/store/store_fixture.h"

namespace faultline::store {
namespace {

class SmallDisk {
 public:
  explicit SmallDisk(const std::filesystem::path& at) : at_(at) {
    mounted_ = ::mount("tmpfs", at_.c_str(), "tmpfs", 0, "size=24m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  [[nodiscard]] bool mounted() const { return mounted_; }
  void grow() const {
    REQUIRE(::mount("tmpfs", at_.c_str(), "tmpfs", MS_REMOUNT, "size=256m") == 0);
  }

 private:
  std::filesystem::path at_;
  bool mounted_ = false;
};

// Syncing the write-ahead log once more at the end aborted the process (RocksDB 7.8.3 with asserts,
// as Debian builds it).
TEST_CASE("a store whose disk is full ends cleanly and keeps what was acknowledged", "[store]") {
  TemporaryDirectory directory;
  const SmallDisk disk(directory.path());
  if (!disk.mounted()) {
    WARN("SKIPPED: a small disk cannot be mounted here; it takes root");
    return;
  }
  constexpr std::size_t kPayloadBytes = 256U << 10;
  constexpr std::uint64_t kEntriesMax = 200;  // far more than the disk holds
  std::vector<JournalEntry> acknowledged;
  {
    auto store = open_store(directory.path());
    bool full = false;
    while (!full && acknowledged.size() < kEntriesMax) {
      const std::vector next{entry(1, acknowledged.size() + 1, kPayloadBytes)};
      full = !store->journal().append(next, {});
      if (!full) acknowledged.push_back(next.front());
    }
    REQUIRE(full);
  }
  disk.grow();
  auto store = open_store(directory.path());
  const auto found = all_entries(*store);
  REQUIRE(found.size() >= acknowledged.size());  // the refused one may have reached the disk
  CHECK(std::equal(acknowledged.begin(), acknowledged.end(), found.begin()));
}

}  // namespace
}  // namespace faultline::store
