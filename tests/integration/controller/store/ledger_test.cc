#include "tests/integration/controller/store/store_fixture.h"

namespace faultline::store {
namespace {

LedgerWrite put(Table table, std::string key, std::string value, std::uint64_t expected) {
  return {table, std::move(key), std::move(value), expected};
}

TEST_CASE("versions begin at one and grow by one, also across a restart", "[store]") {
  TemporaryDirectory directory;
  {
    auto store = open_store(directory.path());
    REQUIRE(store->ledger().commit(std::vector{put(Table::kNodes, "a", "{}", 0)}));
    REQUIRE(store->ledger().commit(std::vector{put(Table::kNodes, "a", R"({"x":1})", 1)}));
  }
  auto store = open_store(directory.path());
  const auto document = store->ledger().get(Table::kNodes, "a");
  REQUIRE(document);
  CHECK(*document == LedgerDocument{"a", R"({"x":1})", 2});
}

TEST_CASE("a write that expects another version changes nothing and names the document",
          "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  REQUIRE(store->ledger().commit(std::vector{put(Table::kNodes, "a", "old", 0)}));
  const auto conflict = store->ledger().commit(
      std::vector{put(Table::kOutbox, "alert", "new", 0), put(Table::kNodes, "a", "new", 0)});
  REQUIRE_FALSE(conflict);
  CHECK(conflict.error() ==
        Error{ErrorCode::kConflict,
              "document a in nodes has version 1, not 0: it changed meanwhile"});
  CHECK_FALSE(store->ledger().get(Table::kOutbox, "alert")->has_value());
  CHECK(store->ledger().get(Table::kNodes, "a")->value() == LedgerDocument{"a", "old", 1});
}

TEST_CASE("pinning a key and spending its token is one commit", "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  REQUIRE(store->ledger().commit(std::vector{put(Table::kTokens, "t1", "{}", 0)}));
  const std::vector<LedgerWrite> join{put(Table::kNodes, "1", "{}", 0),
                                      {Table::kTokens, "t1", std::nullopt, 1}};
  REQUIRE(store->ledger().commit(join));
  CHECK(store->ledger().list(Table::kTokens)->empty());
  CHECK(store->ledger().list(Table::kNodes)->size() == 1);
  CHECK_FALSE(store->ledger().commit(join));  // a reused token
}

TEST_CASE("a list is one table in the order of its keys", "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  REQUIRE(store->ledger().commit(
      std::vector{put(Table::kOutbox, "b", "2", 0), put(Table::kOutbox, "a", "1", 0),
                  put(Table::kPlan, "a", "3", 0), put(Table::kIncidents, "\xff", "4", 0)}));
  const std::vector<LedgerDocument> expected{{"a", "1", 1}, {"b", "2", 1}};
  CHECK(store->ledger().list(Table::kOutbox) == expected);
}

TEST_CASE("keys and values have bounds, and one key is written once per commit", "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  const auto code = [&](std::vector<LedgerWrite> writes) {
    return store->ledger().commit(writes).error().code;
  };
  CHECK(code({put(Table::kMeta, "", "x", 0)}) == ErrorCode::kInvalid);
  CHECK(code({put(Table::kMeta, std::string(kLedgerKeyMax + 1, 'k'), "x", 0)}) ==
        ErrorCode::kLimit);
  CHECK(code({put(Table::kMeta, "k", std::string(kLedgerValueMax + 1, 'v'), 0)}) ==
        ErrorCode::kLimit);
  CHECK(code({put(Table::kMeta, "k", "1", 0), put(Table::kMeta, "k", "2", 0)}) ==
        ErrorCode::kInvalid);
  CHECK(store->ledger().list(Table::kMeta)->empty());
}

}  // namespace
}  // namespace faultline::store
