#include "controller/store/values.h"

#include "common/base/random.h"
#include "tests/support/catch.h"

namespace faultline::store {
namespace {

const WallTime kTime = wall_time_from_unix_seconds(1'795'316'400);
const WindowKey kWindow{kTime, NodeId{7}, BootId{42}, 9};
const DedupKey kDedup{NodeId{7}, BootId{42}};
const PathKey kPath{NodeId{7}, NodeId{8}, 40'000, Direction::kReturn, kTime};

JournalEntry report() {
  return {NodeId{7}, BootId{42}, 9, 9, 0, kTime, {std::byte{0}, std::byte{0xff}}};
}

ingest::DedupRow row() { return {NodeId{7}, BootId{42}, {{1, 5}, {7, 9}}, kTime}; }

PathRecord path() {
  return {NodeId{8},
          40'000,
          Direction::kReturn,
          kTime,
          true,
          {Hop{*IpAddress::parse("10.0.0.1")}, Hop{}, Hop{*IpAddress::parse("2001:db8::1")}}};
}

TEST_CASE("results and gaps round-trip", "[store]") {
  CHECK(decode_entry(kWindow, encode_value(report())) == report());
  const JournalEntry gap{NodeId{7}, BootId{42}, 2, 9, 130, kTime, {}};
  CHECK(decode_entry(kWindow, encode_value(gap)) == gap);
}

TEST_CASE("dedup rows round-trip", "[store]") {
  CHECK(decode_dedup_row(kDedup, encode_value(row())) == row());
}

TEST_CASE("paths round-trip with silent, IPv4 and IPv6 hops", "[store]") {
  CHECK(decode_path(kPath, encode_value(path())) == StoredPath{NodeId{7}, path()});
}

TEST_CASE("documents stay readable next to their version", "[store]") {
  CHECK(encode_document(12, R"({"name":"a"})") == R"(12 {"name":"a"})");
  CHECK(decode_document("k", "12 {}") == LedgerDocument{"k", "{}", 12});
  CHECK(decode_document("k", "1 ") == LedgerDocument{"k", "", 1});
  for (const auto* damaged : {"", "x {}", "12", "0 {}", " {}", "99999999999999999999999 {}"}) {
    CAPTURE(damaged);
    CHECK_FALSE(decode_document("k", damaged));
  }
}

TEST_CASE("a newer layout, a cut value and trailing bytes are refused", "[store]") {
  const auto refused = [](std::string bytes, auto decode) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      if (decode(bytes.substr(0, size))) return false;
    }
    if (decode(bytes + "x")) return false;
    bytes[0] = 2;
    return !decode(bytes);
  };
  CHECK(refused(encode_value(row()),
                [](auto bytes) { return decode_dedup_row(kDedup, bytes).has_value(); }));
  CHECK(refused(encode_value(path()),
                [](auto bytes) { return decode_path(kPath, bytes).has_value(); }));
  std::string entry = encode_value(report());
  CHECK_FALSE(decode_entry(kWindow, entry.substr(0, 16)));
  entry[0] = 2;
  CHECK_FALSE(decode_entry(kWindow, entry));
}

TEST_CASE("random bytes never decode into something out of bounds", "[store]") {
  Rng rng{3};
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(uniform_below(rng, 60), '\0');
    for (char& byte : bytes) byte = static_cast<char>(rng());
    if (!bytes.empty()) bytes[0] = 1;
    const auto stored = decode_path(kPath, bytes);
    if (stored) REQUIRE(stored->path.hops.size() <= 255);
    const auto entry = decode_entry(kWindow, bytes);
    if (entry) REQUIRE(entry->first_sequence <= entry->sequence);
    static_cast<void>(decode_dedup_row(kDedup, bytes));
  }
}

}  // namespace
}  // namespace faultline::store
