#include "controller/store/keys.h"

#include <tuple>
#include <vector>

#include "common/base/random.h"
#include "tests/support/catch.h"

namespace faultline::store {
namespace {

// Small ranges collide in every field, the extremes test the ends of each encoding.
template <typename T>
T pick(Rng& rng, std::vector<T> values) {
  return values[uniform_below(rng, values.size())];
}

WallTime any_time(Rng& rng) {
  return wall_time_from_unix_nanoseconds(
      pick<std::int64_t>(rng, {INT64_MIN, -1, 0, 1, 1'790'000'000'000'000'000, INT64_MAX}));
}
NodeId any_node(Rng& rng) { return NodeId{pick<std::uint32_t>(rng, {0, 1, 2, 255, 256, ~0U})}; }
std::uint64_t any_number(Rng& rng) {
  return pick<std::uint64_t>(rng, {0, 1, 255, 256, 1ULL << 32, ~0ULL});
}

WindowKey any_window_key(Rng& rng) {
  return {any_time(rng), any_node(rng), BootId{any_number(rng)}, any_number(rng)};
}

PathKey any_path_key(Rng& rng) {
  return {any_node(rng), any_node(rng), pick<std::uint16_t>(rng, {0, 1, 0xffff}),
          pick(rng, std::vector{Direction::kForward, Direction::kReturn}), any_time(rng)};
}

TEST_CASE("window keys round-trip and sort by time, partition, node, boot, sequence", "[store]") {
  Rng rng{1};
  const auto order = [](const WindowKey& key) {
    return std::tuple(key.window_start, partition_of(key.node), key.node, key.boot, key.sequence);
  };
  for (int i = 0; i < 2'000; ++i) {
    const WindowKey a = any_window_key(rng);
    const WindowKey b = any_window_key(rng);
    REQUIRE(decode_window_key(encode(a)) == a);
    REQUIRE((encode(a) < encode(b)) == (order(a) < order(b)));
    REQUIRE((window_floor(b.window_start) <= encode(a)) == (b.window_start <= a.window_start));
  }
}

TEST_CASE("path keys round-trip and sort by day and session, the newest first", "[store]") {
  Rng rng{2};
  const auto session = [](const PathKey& key) {
    return std::tuple(path_day(key.traced_at), partition_of(key.reporter), key.reporter, key.target,
                      key.source_port, key.direction);
  };
  for (int i = 0; i < 2'000; ++i) {
    const PathKey a = any_path_key(rng);
    const PathKey b = any_path_key(rng);
    REQUIRE(decode_path_key(encode(a)) == a);
    const bool before =
        session(a) != session(b) ? session(a) < session(b) : a.traced_at > b.traced_at;
    REQUIRE((encode(a) < encode(b)) == before);
    const bool same_session = session(a) == session(b);
    REQUIRE((encode(a).substr(0, kPathKeySessionBytes) ==
             encode(b).substr(0, kPathKeySessionBytes)) == same_session);
  }
}

TEST_CASE("dedup keys round-trip", "[store]") {
  const DedupKey key{NodeId{77}, BootId{0xdeadbeef}};
  CHECK(decode_dedup_key(encode(key)) == key);
}

TEST_CASE("a key of another length or partition is refused", "[store]") {
  std::string bytes = encode(WindowKey{WallTime{}, NodeId{1}, BootId{2}, 3});
  CHECK_FALSE(decode_window_key(bytes.substr(1)));
  CHECK_FALSE(decode_window_key(bytes + "x"));
  bytes[8] = static_cast<char>(bytes[8] ^ 1);
  CHECK_FALSE(decode_window_key(bytes));
  CHECK_FALSE(decode_dedup_key(""));
  CHECK_FALSE(decode_path_key("short"));
}

TEST_CASE("partitions are stored, so they never change", "[store]") {
  CHECK(partition_of(NodeId{1}) == 0x9e37);
  CHECK(partition_of(NodeId{2}) == 0x3c6e);
  CHECK(partition_of(NodeId{4000}) == 0x22cd);
}

TEST_CASE("a layout is stored, so it never changes", "[store]") {
  const WallTime time = wall_time_from_unix_seconds(1);
  CHECK(
      encode(WindowKey{time, NodeId{1}, BootId{2}, 3}) ==
      std::string("\x80\0\0\0\x3b\x9a\xca\0\x9e\x37\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3", 30));
  CHECK(ledger_key(Table::kOutbox, "a") == "\4a");
}

TEST_CASE("the key after a prefix is above all that begin with it", "[store]") {
  CHECK(after_prefix("ab") == "ac");
  CHECK(after_prefix("a\xff") == "b");
  CHECK(after_prefix("\xff\xff").empty());
}

TEST_CASE("damage is reported by a key that an operator can use", "[store]") {
  CHECK(to_string(WindowKey{wall_time_from_unix_seconds(1'795'316'400), NodeId{7}, BootId{42},
                            9}) == "window 2026-11-22T03:00:00Z of node 7, boot 0x2a, sequence 9");
}

}  // namespace
}  // namespace faultline::store
