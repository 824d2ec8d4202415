// Kill -9 in the middle of appends and of sealing: what was acknowledged is there, once, and
// nothing by half.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "common/base/random.h"
#include "tests/integration/controller/store/numbered_reports.h"
#include "tests/integration/controller/store/store_fixture.h"

namespace faultline::store {
namespace {

// Runs append_until_killed until it has acknowledged `appends` times, kills it, and returns the
// last sequence whose acknowledgement reached us.
std::uint64_t append_and_kill(const std::filesystem::path& directory, std::uint64_t next,
                              std::uint64_t appends) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const std::string first = std::to_string(next);
  const ::pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::execl(APPEND_UNTIL_KILLED, "append_until_killed", directory.c_str(), first.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  std::FILE* lines = ::fdopen(ends[0], "r");
  std::uint64_t acknowledged = 0;
  for (std::uint64_t i = 0; i < appends; ++i) {
    if (std::fscanf(lines, "%lu", &acknowledged) != 1) break;
  }
  ::kill(child, SIGKILL);
  // What it acknowledged before the signal arrived counts too.
  std::uint64_t more = 0;
  while (std::fscanf(lines, "%lu", &more) == 1) acknowledged = more;
  std::fclose(lines);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  return acknowledged;
}

// Less than twenty seconds of processor time; a campaign sets more.
int kill_cycles() {
  const char* cycles = std::getenv("FAULTLINE_KILL_CYCLES");
  return cycles == nullptr ? KILL_CYCLES : std::atoi(cycles);
}

// Then a new store: each cycle reads all that is there.
constexpr int kCyclesPerStore = 50;

void kill_again_and_again(Rng& rng, int cycles) {
  TemporaryDirectory directory;
  std::uint64_t stored = 0;
  for (int cycle = 0; cycle < cycles; ++cycle) {
    CAPTURE(cycle);
    const std::uint64_t acknowledged =
        append_and_kill(directory.path(), stored + 1, 1 + uniform_below(rng, 12));
    auto store = open_store(directory.path());
    stored = numbers_stored(store->views());
    REQUIRE(stored > 0);
    REQUIRE(stored >= acknowledged);
    REQUIRE(stored % 3 == 0);  // an append is there as a whole or not at all
    const ingest::DedupRow row{NodeId{1}, BootId{1001}, {{1, stored}}, WallTime{}};
    CHECK(store->journal().load_dedup() == std::vector{row});
  }
}

TEST_CASE("after kill -9 every acknowledged entry is there exactly once, sealed or not",
          "[store]") {
  Rng rng{17};
  const int cycles = kill_cycles();
  for (int done = 0; done < cycles; done += kCyclesPerStore) {
    CAPTURE(done);
    kill_again_and_again(rng, std::min(cycles - done, kCyclesPerStore));
  }
}

}  // namespace
}  // namespace faultline::store
