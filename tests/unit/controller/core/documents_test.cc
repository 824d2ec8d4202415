#include "controller/core/documents.h"

#include "tests/unit/controller/core/bench.h"

namespace faultline::core {
namespace {

std::vector<DocumentWrite> write_of(std::string key, std::string value = "{}") {
  return {{Document::kSilence, std::move(key), std::move(value)}};
}

// As many commits as there may be, each about a document of its own.
struct Full {
  Full() {
    for (std::size_t i = 0; i < kCommitsInHandMax; ++i) {
      documents.commit(write_of("first-" + std::to_string(i)), {}, effects);
    }
    REQUIRE(effects.commits.size() == kCommitsInHandMax);
  }
  void finish_oldest(const Status& status = {}) {
    const auto id = effects.commits.front().id;
    effects.commits.pop_front();
    documents.done(id, status, effects);
  }

  Documents documents;
  RecordedEffects effects;
};

TEST_CASE("what comes while many commits are under way becomes one commit", "[core][documents]") {
  Full full;
  for (std::uint64_t request = 1; request <= 3; ++request) {
    full.documents.commit(write_of("late-" + std::to_string(request)),
                          {.messages = {}, .answer = request}, full.effects);
  }
  CHECK(full.effects.commits.size() == kCommitsInHandMax);
  full.finish_oldest();
  REQUIRE(full.effects.commits.size() == kCommitsInHandMax);
  CHECK(full.effects.commits.back().writes.size() == 3);
  CHECK(full.effects.answers.empty());
  while (!full.effects.commits.empty()) full.finish_oldest();
  CHECK(full.effects.answers.size() == 3);
  CHECK(full.documents.settled());
}

TEST_CASE("messages wait for what is gathered with them, in their order", "[core][documents]") {
  const bool is_written = GENERATE(true, false);
  Full full;
  for (std::uint8_t number = 1; number <= 3; ++number) {
    full.documents.commit(
        write_of("late"),
        {.messages = {{key_of(number), FactsAck{.digest = number}}}, .answer = {}}, full.effects);
  }
  full.finish_oldest();
  CHECK(full.effects.sent.empty());
  while (full.effects.commits.size() > 1) full.finish_oldest();
  CHECK(full.effects.sent.empty());
  full.finish_oldest(is_written ? Status() : fail(ErrorCode::kUnavailable, "disk full"));
  REQUIRE(full.effects.sent.size() == (is_written ? 3 : 0));
  for (std::uint8_t i = 0; i < full.effects.sent.size(); ++i) {
    CHECK(full.effects.sent[i].first == key_of(static_cast<std::uint8_t>(i + 1)));
  }
}

TEST_CASE("of gathered writes of one document the newest is written", "[core][documents]") {
  Full full;
  full.documents.commit(write_of("same", "old"), {}, full.effects);
  full.documents.commit(write_of("same", "new"), {}, full.effects);
  full.finish_oldest();
  const auto& writes = full.effects.commits.back().writes;
  REQUIRE(writes.size() == 1);
  CHECK(writes[0].value == "new");
}

TEST_CASE("a failed write does not come back over one that is gathered", "[core][documents]") {
  Full full;
  full.documents.commit(write_of("first-0", "new"), {.messages = {}, .answer = 9}, full.effects);
  full.finish_oldest(fail(ErrorCode::kUnavailable, "disk full"));
  const auto& writes = full.effects.commits.back().writes;
  REQUIRE(writes.size() == 1);
  CHECK(writes[0].value == "new");
  CHECK(full.documents.trouble() == "disk full");
  CHECK_FALSE(full.documents.settled());
  while (full.effects.commits.size() > 1) full.finish_oldest();
  full.finish_oldest(fail(ErrorCode::kUnavailable, "still full"));
  REQUIRE(full.effects.answers.size() == 1);
  CHECK_FALSE(full.effects.answers[0].second);
  full.documents.retry(full.effects);
  REQUIRE(full.effects.commits.size() == 1);
  CHECK(full.effects.commits[0].writes[0].value == "new");
  full.finish_oldest();
  CHECK(full.documents.settled());
}

}  // namespace
}  // namespace faultline::core
