#include "controller/incident/silence.h"

#include "tests/support/catch.h"
#include "tests/unit/controller/incident/story.h"

namespace faultline::incident {
namespace {

SilenceRequest request_of(std::string id) {
  return {.id = std::move(id),
          .kind = SilenceKind::kMaintenance,
          .selector = {{"rack", {"r1"}}},
          .author = "ada",
          .comment = "CHG-4711",
          .starts_at = {},
          .ends_at = window_end(10)};
}

TEST_CASE("what a selector matches", "[silence]") {
  struct Case {
    Selector selector;
    const char* suspect;
    bool matches;
  };
  const Case cases[] = {
      {{{"component", {"a"}}}, "a", true},
      {{{"component", {"a"}}}, "a>b", true},
      {{{"component", {"a"}}}, "b=a", true},
      {{{"component", {"a"}}}, "b>c", false},
      {{{"component", {"a=b"}}}, "b>a", true},
      {{{"component", {"a>b"}}}, "a=b", true},
      {{{"component", {"a>b"}}}, "a", false},
      {{{"component", {"a>b"}}}, "b>a", false},
      {{{"component", {"leaf1"}}}, "h1^leaf1", true},
      {{{"component", {"x", "a"}}}, "a", true},
      {{{"component", {"c>d"}}}, "a>b~c>d", true},
      {{{"node", {"h1"}}}, "h1>a+node=h1", true},
      {{{"node", {"h1"}}}, "v1^h1", true},
      {{{"node", {"h1"}}}, "a>b", false},
      {{{"rack", {"r1", "r2"}}}, "a+rack=r2", true},
      {{{"rack", {"r1"}}, {"class", {"down"}}}, "a+rack=r1", false},
      {{{"rack", {"r1"}}, {"class", {"down"}}}, "a!down+rack=r1", true},
      {{{"kind", {"device"}}}, "a", true},
      {{{"incident", {"i-1"}}}, "a", true},
      {{{"incident", {"i-2"}}}, "a", false},
  };
  for (const auto& [selector, suspect, expected] : cases) {
    CAPTURE(to_text(selector), suspect);
    CHECK(matches(selector, suspect_of(suspect), "i-1") == expected);
  }
}

TEST_CASE("a silence survives its JSON form, and a damaged one is corrupt", "[silence]") {
  SilenceBook book;
  auto request = request_of("m-1");
  request.selector["component"] = {"a>b", "c"};
  const auto silence = book.add(request, window_end(0)).value();
  CHECK(silence_from_json(to_json(silence)) == silence);
  for (const auto& [from, to] :
       {std::pair("maintenance", "holiday"), std::pair("\"rack\"", "\"\""),
        std::pair("[\"r1\"]", "[]"), std::pair("\"version\":1", "\"version\":2"),
        std::pair("\"m-1\"", "\"\"")}) {
    auto text = to_json(silence);
    const auto place = text.find(from);
    REQUIRE(place != std::string::npos);
    text.replace(place, std::string_view(from).size(), to);
    CAPTURE(text);
    CHECK(silence_from_json(text).error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("a silence that cannot be meant is refused in a sentence", "[silence]") {
  SilenceBook book;
  const auto refused = [&](auto change) {
    auto request = request_of("m-1");
    change(request);
    const auto added = book.add(request, window_end(0));
    return added ? std::string() : added.error().context;
  };
  CHECK(refused([](auto& it) { it.selector.clear(); }).find("must name something") !=
        std::string::npos);
  CHECK(refused([](auto& it) { it.selector["rack"].clear(); }) == "rack must have 1 to 64 values");
  CHECK(refused([](auto& it) { it.comment.clear(); }).find("say why") != std::string::npos);
  CHECK(refused([](auto& it) { it.author.clear(); }).find("author") != std::string::npos);
  CHECK(refused([](auto& it) { it.ends_at = window_end(0); }) == "it must end after it starts");
  CHECK(refused([](auto& it) {
          it.starts_at = window_end(-9);
          it.ends_at = window_end(-1);
        }) == "it must end in the future");
  CHECK(refused([](auto& it) {
          it.ends_at = window_end(0) + std::chrono::hours{24 * 91};
        }).find("at most") != std::string::npos);
  CHECK(refused([](auto& it) { it.id = "s-1"; }) == "the id must begin with m-");
  CHECK(refused([](auto&) {}).empty());
  CHECK(refused([](auto&) {}) == "there is a m-1 already");
}

TEST_CASE("silences are bounded; those that are over make room and are forgotten", "[silence]") {
  SilenceBook book;
  for (std::size_t i = 0; i < kSilencesMax; ++i) {
    REQUIRE(book.add(request_of(fmt::format("m-{}", i)), window_end(0)));
  }
  CHECK(book.add(request_of("m-x"), window_end(0)).error().code == ErrorCode::kLimit);
  CHECK(book.refused() == 1);
  CHECK(book.end("m-0", "bob", window_end(1)).value().ended_by == "bob");
  CHECK(book.end("m-0", "bob", window_end(1)).error().code == ErrorCode::kConflict);
  CHECK(book.end("m-nobody", "bob", window_end(1)).error().code == ErrorCode::kNotFound);
  CHECK(book.add(request_of("m-x"), window_end(1)));
  CHECK(book.count_active(window_end(1)) == kSilencesMax);
  CHECK(book.forget(window_end(10)).empty());
  CHECK(book.forget(window_end(10) + kSilenceKept).size() == kSilencesMax + 1);
  CHECK(book.all().empty());
}

TEST_CASE("notes and history are bounded, and what is left out is counted", "[silence]") {
  Machine machine{{}};
  Rng rng{1};
  machine.judge(window_of(0, "a>b"), rng);
  const auto id = machine.judge(window_of(1, "a>b"), rng).events.at(0).incident.id;
  for (std::size_t i = 0; i < kNotesMax; ++i) {
    REQUIRE(machine.note(id, "ada", "note", window_end(2)));
  }
  CHECK(machine.note(id, "ada", "note", window_end(2)).error().code == ErrorCode::kLimit);
  CHECK(machine.note(id, "ada", "", window_end(2)).error().code == ErrorCode::kInvalid);
  CHECK(machine.note("i-0", "ada", "note", window_end(2)).error().code == ErrorCode::kNotFound);
  CHECK(machine.counters().notes_refused == 1);
  for (int i = 2; i < 120; ++i)
    machine.judge(window_of(i, i % 2 == 0 ? "a>b@0.5" : "a>b@0.01"), rng);
  const auto& incident = *machine.find(id);
  CHECK(incident.history.size() == kHistoryMax);
  CHECK(incident.history_omitted == 1 + kNotesMax + 118 - kHistoryMax);
  CHECK(incident.history.front().what == "opened");
  CHECK(std::ranges::count(incident.history, "note", &Entry::what) == std::ptrdiff_t{kNotesMax});
}

}  // namespace
}  // namespace faultline::incident
