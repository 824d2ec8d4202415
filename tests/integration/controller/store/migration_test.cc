// The way from one format to the next, by steps of the test's own, from the format that fill()
// leaves (this build's) to ones that do not exist.
#include <sys/wait.h>

#include <fmt/format.h>

#include "controller/store/keys.h"
#include "tests/integration/controller/store/store_fixture.h"
#include "tests/integration/controller/store/test_steps.h"

namespace faultline::store {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kNow = kFormatVersion;
constexpr std::size_t kDocuments = 95;  // ten batches, the last not full

void fill(const fs::path& directory) {
  auto store = open_store(directory);
  std::vector<LedgerWrite> writes;
  for (std::size_t i = 0; i < kDocuments; ++i) {
    writes.push_back({Table::kMeta, fmt::format("document {:03}", i), "value", 0});
  }
  REQUIRE(store->ledger().commit(writes));
}

Result<std::unique_ptr<Database>> open_as(const fs::path& directory, std::uint32_t format,
                                          std::vector<MigrationStep> steps,
                                          std::vector<std::string>* lines = nullptr) {
  return Database::open(
      directory,
      {.format = format, .steps = steps, .on_progress = [lines](const std::string& line) {
         if (lines != nullptr) lines->push_back(line);
       }});
}

// Every document, in order, is "value" and `marks`.
void check_marks(const Database& database, const std::string& marks) {
  std::size_t documents = 0;
  REQUIRE(database.visit(database.ledger(), "", "", [&](rocksdb::Slice, rocksdb::Slice value) {
    ++documents;
    const auto text = value.ToString();
    CHECK(text.substr(text.size() - marks.size()) == marks);
    CHECK(text.substr(text.size() - marks.size() - 5, 5) == "value");
    return true;
  }));
  CHECK(documents == kDocuments);
}

TEST_CASE("an older format is brought to the newest, step by step, once", "[store][migration]") {
  TemporaryDirectory directory;
  fill(directory.path());
  std::vector<std::string> lines;
  {
    const auto database =
        open_as(directory.path(), kNow + 2,
                {mark_documents(kNow, '!'), mark_documents(kNow + 1, '?')}, &lines);
    REQUIRE(database);
    check_marks(**database, "!?");
  }
  CHECK(lines == std::vector<std::string>{
                     fmt::format("bringing the data from format {} to {} (documents get a mark)",
                                 kNow, kNow + 1),
                     fmt::format("the data has format {} now: 95 keys", kNow + 1),
                     fmt::format("bringing the data from format {} to {} (documents get a mark)",
                                 kNow + 1, kNow + 2),
                     fmt::format("the data has format {} now: 95 keys", kNow + 2)});
  lines.clear();
  const auto again = open_as(directory.path(), kNow + 2,
                             {mark_documents(kNow, '!'), mark_documents(kNow + 1, '?')}, &lines);
  REQUIRE(again);
  check_marks(**again, "!?");
  CHECK(lines.empty());
}

TEST_CASE("a migration that fails goes on where it was, and the older build stays out meanwhile",
          "[store][migration]") {
  TemporaryDirectory directory;
  fill(directory.path());
  for (std::size_t failing = 1; failing <= 3; ++failing) {
    const auto broken = open_as(directory.path(), kNow + 1,
                                {mark_documents(kNow, '!', [failing](std::size_t batch) -> Status {
                                  if (batch < failing) return {};
                                  return fail(ErrorCode::kUnavailable, "No space left");
                                })});
    REQUIRE_FALSE(broken);
    CHECK(broken.error().context == "No space left");
    const auto older = RocksStore::open(directory.path());
    REQUIRE_FALSE(older);
    CHECK(older.error() ==
          Error{ErrorCode::kUnsupported,
                fmt::format("the data in {} was written by a newer version of faultline-controller "
                            "(format {} from {}); this one reads formats up to {}: start the newer "
                            "version again, or restore a backup that this version made",
                            directory.path().string(), kNow + 1, kNow, kNow)});
  }
  std::vector<std::string> lines;
  const auto database = open_as(directory.path(), kNow + 1, {mark_documents(kNow, '!')}, &lines);
  REQUIRE(database);
  check_marks(**database, "!");
  CHECK(lines.front().ends_with("going on where it was interrupted"));
}

TEST_CASE("a process killed in the middle of a migration costs nothing", "[store][migration]") {
  for (const std::size_t batch : {1, 2, 5, 10}) {
    CAPTURE(batch);
    TemporaryDirectory directory;
    fill(directory.path());
    const auto command =
        fmt::format("{} {} {}", MIGRATE_UNTIL_KILLED, directory.path().string(), batch);
    const int status = std::system(command.c_str());
    // The shell tells of the signal by its own means.
    REQUIRE((WIFSIGNALED(status) || WEXITSTATUS(status) == 128 + SIGKILL));
    const auto database = open_as(directory.path(), kNow + 1, {mark_documents(kNow, '!')});
    REQUIRE(database);
    check_marks(**database, "!");
  }
}

TEST_CASE("a format that no step leads from is refused with what to do", "[store][migration]") {
  TemporaryDirectory directory;
  fill(directory.path());
  const auto database = open_as(directory.path(), kNow + 2, {mark_documents(kNow + 1, '?')});
  REQUIRE_FALSE(database);
  CHECK(
      database.error() ==
      Error{ErrorCode::kUnsupported,
            fmt::format("this faultline-controller cannot bring data from format {} to {}: start a "
                        "version in between first",
                        kNow, kNow + 1)});
}

TEST_CASE("the steps of this build lead from every format to its own", "[store][migration]") {
  std::uint32_t reached = 1;  // the first that was ever released
  for (const auto& step : migration_steps()) {
    CHECK(step.from == reached);
    CHECK_FALSE(step.what.empty());
    ++reached;
  }
  CHECK(reached == kFormatVersion);
}

TEST_CASE("a stored format reads as it was written, and nothing else does", "[store][migration]") {
  for (const auto& format : {StoredFormat{1, {}}, StoredFormat{12, {}}, StoredFormat{3, 2}}) {
    CHECK(parse_format(to_string(format)) == format);
  }
  for (const auto* text :
       {"", "0", "-1", "x", "1 ", "2 from", "2 from 2", "2 from 3", "2 from 1 "}) {
    CAPTURE(text);
    CHECK_FALSE(parse_format(text));
  }
}

}  // namespace
}  // namespace faultline::store
