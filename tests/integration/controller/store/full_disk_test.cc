// A disk that takes no more, or nothing at all: a small tmpfs. Mounting takes root.
#include <sys/mount.h>

#include <chrono>
#include <thread>

#include <fmt/format.h>

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
  void make_read_only() const {
    REQUIRE(::mount("tmpfs", at_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=256m") == 0);
  }

 private:
  std::filesystem::path at_;
  bool mounted_ = false;
};

// Appends until it fails; returns what was acknowledged.
std::vector<JournalEntry> fill(RocksStore& store) {
  constexpr std::size_t kPayloadBytes = 256U << 10;
  constexpr std::uint64_t kEntriesMax = 200;  // far more than the disk holds
  std::vector<JournalEntry> acknowledged;
  while (acknowledged.size() < kEntriesMax) {
    const std::vector next{entry(1, acknowledged.size() + 1, kPayloadBytes)};
    if (!store.journal().append(next, {})) return acknowledged;
    acknowledged.push_back(next.front());
  }
  FAIL("the disk did not become full");
  return acknowledged;
}

// Syncing the write-ahead log once more at the end aborted the process (RocksDB 7.8.3 with asserts,
// as Debian builds it).
TEST_CASE("a store whose disk is full ends cleanly and keeps what was acknowledged", "[store]") {
  TemporaryDirectory directory;
  const SmallDisk disk(directory.path());
  if (!disk.mounted()) {
    WARN("SKIPPED: a small disk cannot be mounted here; it takes root");
    return;
  }
  std::vector<JournalEntry> acknowledged;
  {
    auto store = open_store(directory.path());
    acknowledged = fill(*store);
  }
  disk.grow();
  auto store = open_store(directory.path());
  const auto found = all_entries(*store);
  REQUIRE(found.size() >= acknowledged.size());  // the refused one may have reached the disk
  CHECK(std::equal(acknowledged.begin(), acknowledged.end(), found.begin()));
}

// Probes resend meanwhile. What it took is printed.
TEST_CASE("a store whose disk has room again goes on by itself", "[store]") {
  constexpr auto kResumedMax = std::chrono::seconds{60};  // five are usual; a guard
  constexpr auto kBetween = std::chrono::milliseconds{100};  // as a probe resends
  TemporaryDirectory directory;
  const SmallDisk disk(directory.path());
  if (!disk.mounted()) {
    WARN("SKIPPED: a small disk cannot be mounted here; it takes root");
    return;
  }
  auto store = open_store(directory.path());
  auto acknowledged = fill(*store);
  disk.grow();
  const auto start = std::chrono::steady_clock::now();
  const std::vector again{entry(1, acknowledged.size() + 1)};
  bool resumed = false;
  while (!resumed && std::chrono::steady_clock::now() < start + kResumedMax) {
    resumed = store->journal().append(again, {}).has_value();
    if (!resumed) std::this_thread::sleep_for(kBetween);
  }
  REQUIRE(resumed);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  fmt::print("the store went on {:.1f} s after its disk had room again\n", took.count());
  acknowledged.push_back(again.front());
  CHECK(all_entries(*store) == acknowledged);
}

TEST_CASE("a store on a disk that turned read-only is refused in one sentence", "[store]") {
  TemporaryDirectory directory;
  const SmallDisk disk(directory.path());
  if (!disk.mounted()) {
    WARN("SKIPPED: a small disk cannot be mounted here; it takes root");
    return;
  }
  const std::vector kept{entry(1, 1)};
  REQUIRE(open_store(directory.path())->journal().append(kept, {}));
  disk.make_read_only();
  const auto refused = RocksStore::open(directory.path());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kDenied);
  CHECK(refused.error().context.find("cannot write to the data directory") != std::string::npos);
  disk.grow();  // and writable again
  CHECK(all_entries(*open_store(directory.path())) == kept);
}

}  // namespace
}  // namespace faultline::store
