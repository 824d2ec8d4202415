// A controller whose disk stands still or is full: it goes on answering, tells nobody that a window
// is kept before it is, and takes in each once when the disk is well again.
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "controller/core/intake.h"
#include "tests/integration/controller/app/spool.h"

namespace faultline::tests {
namespace {

constexpr int kSpools = 5;
constexpr auto kFrozenFor = std::chrono::seconds{5};
// After a disk has room again: a guard against hangs on a busy machine; five to ten are usual.
constexpr auto kResumesWithin = std::chrono::seconds{60};

std::string read_line(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

// One thread of another process that stands still, as one does whose write does not return.
class FrozenThread {
 public:
  FrozenThread(pid_t process, const std::string& name) {
    const auto tasks = std::filesystem::path("/proc") / std::to_string(process) / "task";
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
      if (read_line(task.path() / "comm") != name) continue;
      thread_ = std::stoi(task.path().filename().string());
      is_frozen_ = freeze_idle(task.path());
    }
    INFO("there is no thread " << name);
    REQUIRE(thread_ > 0);
  }
  ~FrozenThread() { thaw(); }
  FrozenThread(const FrozenThread&) = delete;
  FrozenThread& operator=(const FrozenThread&) = delete;

  [[nodiscard]] bool is_frozen() const { return is_frozen_; }
  void thaw() {
    if (is_frozen_) ::ptrace(PTRACE_DETACH, thread_, nullptr, nullptr);
    is_frozen_ = false;
  }

 private:
  // While it waits for work: it holds no lock then that others need.
  bool freeze_idle(const std::filesystem::path& task) const {
    while (true) {
      if (::ptrace(PTRACE_SEIZE, thread_, nullptr, nullptr) != 0) return false;
      REQUIRE(::ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) == 0);
      int status = 0;
      REQUIRE(::waitpid(thread_, &status, __WALL) == thread_);
      const auto call = read_line(task / "syscall");
      if (call.starts_with(std::to_string(SYS_futex) + " ")) return true;
      ::ptrace(PTRACE_DETACH, thread_, nullptr, nullptr);
      if (call.empty()) return false;  // not told here
    }
  }

  pid_t thread_ = 0;
  bool is_frozen_ = false;
};

// A tmpfs of 96 MiB, which RocksDB needs to go on, on which the controller's data lie.
class SmallDataDir {
 public:
  explicit SmallDataDir(const Stage& stage) : at_(stage.folder().path() / "data") {
    std::filesystem::create_directory(at_);
    mounted_ = ::mount("tmpfs", at_.c_str(), "tmpfs", 0, "size=96m,mode=0700") == 0;
  }
  ~SmallDataDir() {
    if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
  }
  SmallDataDir(const SmallDataDir&) = delete;
  SmallDataDir& operator=(const SmallDataDir&) = delete;

  [[nodiscard]] bool mounted() const { return mounted_; }
  void fill() const {
    std::ofstream ballast(at_ / "ballast", std::ios::binary);
    const std::string page(4096, 'x');
    while (ballast.write(page.data(), static_cast<std::streamsize>(page.size())).flush()) {
    }
  }
  void free() const { std::filesystem::remove(at_ / "ballast"); }

 private:
  std::filesystem::path at_;
  bool mounted_ = false;
};

WallTime base_of_windows() {
  return window_start(async::now_wall(), kWindow) - std::chrono::minutes{20};
}

void check_each_once(Stage& stage, const SpoolFleet& fleet) {
  const auto sent = fleet.measured();
  CHECK(fleet.waiting() == 0);
  CHECK(stage.end(SIGTERM).status == 0);
  const auto stored = count_stored(stage, sent);
  CHECK(stored.size() == sent.size());
  CHECK(std::ranges::all_of(stored, [](const auto& entry) { return entry.second == 1; }));
}

TEST_CASE("while the disk stands still the controller answers, and acknowledges nothing",
          "[controller][disk]") {
  Stage stage;
  stage.start();
  SpoolFleet fleet(stage, base_of_windows(), kSpools);
  fleet.measure(4);
  fleet.send_until(fleet.waiting());
  stage.wait_for("all nodes to be told of",
                 [&] { return stage.get("/api/v1/status").at("nodes").at("total") == kSpools; });
  FrozenThread writer(stage.pid(), "writer");
  if (!writer.is_frozen()) {
    WARN("SKIPPED: a thread of another process cannot be stopped here");
    return;
  }
  fleet.measure(2 * core::kCreditPerNode);  // more than the controller lets in
  fleet.send();
  const auto acknowledged = fleet.acknowledged();
  const auto until = std::chrono::steady_clock::now() + kFrozenFor;
  stage.wait_for("five seconds of it", [&] {
    CHECK(stage.get("/api/v1/status").at("nodes").at("total") == kSpools);
    fleet.take_acks();
    return std::chrono::steady_clock::now() >= until;
  });
  CHECK(fleet.acknowledged() == acknowledged);
  writer.thaw();
  fleet.send_until(fleet.waiting());
  check_each_once(stage, fleet);
}

TEST_CASE("a full disk that has room again takes everything in within seconds, each once",
          "[controller][disk]") {
  Stage stage;
  const SmallDataDir disk(stage);
  if (!disk.mounted()) {
    WARN("SKIPPED: a small disk cannot be mounted here; it takes root");
    return;
  }
  stage.start();
  SpoolFleet fleet(stage, base_of_windows(), kSpools);
  fleet.measure(1);
  fleet.send_until(fleet.waiting());
  disk.fill();
  // The log's file has room of its own.
  const auto failures = [&] { return stage.metric("faultline_store_append_failures_total"); };
  while (failures() == 0) {
    fleet.measure(1, 4'000);
    fleet.send();
    stage.wait_for("an acknowledgement or a failure", [&] {
      fleet.take_acks();
      return fleet.waiting() == 0 || failures() > 0;
    });
  }
  REQUIRE(fleet.waiting() > 0);
  CHECK(stage.get("/api/v1/status").at("nodes").at("total") == kSpools);
  disk.free();
  const auto freed = std::chrono::steady_clock::now();
  auto sent = freed;
  fleet.send();
  stage.wait_for("acknowledgements", [&] {
    fleet.take_acks();
    if (std::chrono::steady_clock::now() - sent > std::chrono::milliseconds{500}) {
      fleet.send();  // sooner than a probe does
      sent = std::chrono::steady_clock::now();
    }
    return fleet.waiting() == 0;
  });
  const auto took = std::chrono::steady_clock::now() - freed;
  fmt::print("all was acknowledged {:.1f} s after the disk had room again\n",
             std::chrono::duration<double>(took).count());
  CHECK(took <= kResumesWithin);
  check_each_once(stage, fleet);
}

}  // namespace
}  // namespace faultline::tests
