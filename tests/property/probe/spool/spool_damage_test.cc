// Damage to the files of a spool: cut, flipped or random bytes never crash it, what it returns is
// never wrong, and what lies before surviving records is at least known to be missing.
#include <algorithm>
#include <fstream>
#include <map>

#include "common/base/random.h"
#include "tests/integration/probe/spool/spool_fixture.h"

namespace faultline::spool {
namespace {

namespace fs = std::filesystem;

std::uint64_t bytes_of(const fs::path& file) { return fs::file_size(file); }

void flip_byte(Rng& rng, const fs::path& file) {
  if (bytes_of(file) == 0) return;
  std::fstream stream{file, std::ios::in | std::ios::out | std::ios::binary};
  const auto offset = static_cast<std::streamoff>(uniform_below(rng, bytes_of(file)));
  stream.seekg(offset);
  const int byte = stream.get();
  stream.seekp(offset);
  stream.put(static_cast<char>(byte ^ static_cast<int>(1 + uniform_below(rng, 255))));
}

void damage(Rng& rng, const std::vector<fs::path>& segments) {
  const fs::path& file = segments[uniform_below(rng, segments.size())];
  const double dice = uniform(rng);
  if (dice < 0.4) {
    fs::resize_file(file, uniform_below(rng, bytes_of(file) + 1));
  } else if (dice < 0.8) {
    flip_byte(rng, file);
  } else if (dice < 0.9) {
    fs::remove(file);
  } else {
    std::ofstream{file, std::ios::app | std::ios::binary} << std::string(99, 'x');
  }
}

// Every batch returned is the one appended; without holes from 1 up to the last one returned.
void check(const std::vector<Batch>& found, std::uint64_t last_boot, std::uint64_t last_sequence) {
  std::map<BootId, std::uint64_t> covered_up_to;
  for (const Batch& each : found) {
    REQUIRE(each.boot.value() <= last_boot);
    REQUIRE(each.sequence <= last_sequence);
    REQUIRE(each.first_sequence == covered_up_to[each.boot] + 1);
    covered_up_to[each.boot] = each.sequence;
    if (!each.is_gap()) REQUIRE(each == batch(each.boot, each.sequence, 700));
  }
}

TEST_CASE("a damaged spool returns only what was appended and gaps for what is missing",
          "[spool]") {
  constexpr std::uint64_t kPerBoot = 60;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    TemporaryDirectory directory;
    for (std::uint64_t boot = 1; boot <= 3; ++boot) {
      auto spool = open_spool(directory.path());
      for (std::uint64_t s = 1; s <= kPerBoot; ++s) append(*spool, BootId{boot}, s, 700);
      check(read_all(*spool), boot, kPerBoot);
      spool.reset();
      damage(rng, directory.segments());
    }
    auto spool = open_spool(directory.path());
    const auto found = read_all(*spool);
    check(found, 3, kPerBoot);
    // It is a working spool: everything can be acknowledged and more appended.
    for (const Batch& each : found) release(*spool, each.boot, each.first_sequence, each.sequence);
    append(*spool, BootId{4}, 1, 700);
    REQUIRE(read_all(*spool) == std::vector{batch(BootId{4}, 1, 700)});
  }
}

TEST_CASE("segment files of random bytes never crash the spool", "[spool]") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    TemporaryDirectory directory;
    std::uint64_t written = 0;
    for (const auto* name : {"0000000000000001.spool", "00000000000000ff.spool",
                             "ffffffffffffffff.spool", "xyz.spool", "000000000000000g.spool"}) {
      std::string bytes(uniform_below(rng, 400), '\0');
      for (char& byte : bytes) byte = static_cast<char>(rng());
      // Some begin like a record, to get further than the first check.
      if (uniform(rng) < 0.5) bytes.insert(0, "FLS1");
      written += bytes.size();
      std::ofstream{directory.path() / name, std::ios::binary} << bytes;
    }
    auto spool = open_spool(directory.path());
    REQUIRE(read_all(*spool).empty());
    REQUIRE(spool->stats().bytes_damaged <= written);
    append(*spool, BootId{9}, 1);
    REQUIRE(read_all(*spool) == std::vector{batch(BootId{9}, 1)});
  }
}

}  // namespace
}  // namespace faultline::spool
