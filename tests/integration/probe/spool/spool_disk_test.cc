// What happens when the disk says no.
#include <signal.h>
#include <sys/resource.h>

#include <fstream>

#include <fmt/format.h>

#include "tests/integration/probe/spool/spool_fixture.h"

namespace faultline::spool {
namespace {

namespace fs = std::filesystem;
constexpr BootId kBoot{0xb};

// No file of this process may grow beyond `bytes`: a full disk that needs no privilege. Writes that
// cross the limit are cut short, like on a disk with a little room left.
class FullDisk {
 public:
  explicit FullDisk(::rlim_t bytes) {
    previous_handler_ = ::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &previous_) == 0);
    const ::rlimit limited{bytes, previous_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limited) == 0);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &previous_);
    ::signal(SIGXFSZ, previous_handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  ::rlimit previous_{};
  void (*previous_handler_)(int) = SIG_DFL;
};

Error open_error(const fs::path& directory, std::uint64_t size_max = kSpoolSizeMin) {
  const auto spool = Spool::open(directory, size_max);
  REQUIRE_FALSE(spool.has_value());
  return spool.error();
}

TEST_CASE("while the disk is full batches wait in memory and reach it when it has room",
          "[spool]") {
  TemporaryDirectory directory;
  auto spool = open_spool(directory.path());
  append(*spool, kBoot, 1);
  {
    const FullDisk full{100};  // a record is torn
    for (std::uint64_t sequence = 2; sequence <= 4; ++sequence) append(*spool, kBoot, sequence);
    CHECK(spool->stats().disk_error->code == ErrorCode::kUnavailable);
    CHECK(read_all(*spool).size() == 4);
    CHECK(directory.segments().size() == 1);  // failed attempts leave nothing behind
  }
  append(*spool, kBoot, 5);
  CHECK_FALSE(spool->stats().disk_error);
  spool = open_spool((spool.reset(), directory.path()));
  std::vector<Batch> expected;
  for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) {
    expected.push_back(batch(kBoot, sequence));
  }
  CHECK(read_all(*spool) == expected);
  CHECK(spool->stats().bytes_damaged == 0);
}

TEST_CASE("memory is bounded while the disk fails: the oldest become one gap record", "[spool]") {
  TemporaryDirectory directory;
  auto spool = open_spool(directory.path(), 64 << 20);
  const FullDisk full{0};
  for (std::uint64_t sequence = 1; sequence <= 30; ++sequence) {
    append(*spool, kBoot, sequence, 100'000);
  }
  const auto all = read_all(*spool);
  REQUIRE(all.size() == 11);
  CHECK(all.front() == Batch{kBoot, 1, 20, 200, {}});
  CHECK(all.back() == batch(kBoot, 30, 100'000));
  CHECK(spool->stats().results_dropped == 200);
}

TEST_CASE("batches in memory are acknowledged like others", "[spool]") {
  TemporaryDirectory directory;
  auto spool = open_spool(directory.path());
  {
    const FullDisk full{0};
    append(*spool, kBoot, 1);
    append(*spool, kBoot, 2);
    release(*spool, kBoot, 1, 1);
  }
  append(*spool, kBoot, 3);
  CHECK(read_all(*spool) == std::vector{batch(kBoot, 2), batch(kBoot, 3)});
}

TEST_CASE("a spool directory that vanished is an error to see, not a crash", "[spool]") {
  TemporaryDirectory directory;
  auto spool = open_spool(directory.path() / "spool");
  fs::remove_all(directory.path() / "spool");
  append(*spool, kBoot, 1);
  REQUIRE(spool->stats().disk_error);
  CHECK(read_all(*spool) == std::vector{batch(kBoot, 1)});
}

TEST_CASE("a second probe on the same spool is refused in one sentence", "[spool]") {
  TemporaryDirectory directory;
  auto spool = open_spool(directory.path());
  CHECK(open_error(directory.path()) ==
        Error{ErrorCode::kConflict,
              fmt::format("the spool directory {} is in use by another faultline-probe",
                          directory.path().string())});
}

TEST_CASE("a spool directory that cannot be one is refused in one sentence", "[spool]") {
  TemporaryDirectory directory;
  const fs::path file = directory.path() / "file";
  std::ofstream{file} << "not a directory";
  CHECK(open_error(file) ==
        Error{ErrorCode::kDenied,
              fmt::format("cannot create the spool directory {}: Not a directory", file.string())});
  CHECK(open_error(file / "spool").code == ErrorCode::kDenied);
  CHECK(open_error(directory.path(), kSpoolSizeMin - 1).code == ErrorCode::kInvalid);
}

}  // namespace
}  // namespace faultline::spool
