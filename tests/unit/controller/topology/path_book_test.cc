#include "controller/topology/path_book.h"

#include "tests/support/catch.h"
#include "tests/unit/controller/topology/fabric.h"

namespace faultline::topology {
namespace {

constexpr NodeId kReporter{1};

PathRecord traced(std::int64_t at, bool complete, const std::vector<const char*>& texts) {
  return {.target = NodeId{2},
          .source_port = 40'000,
          .traced_at = wall_time_from_unix_seconds(at),
          .complete = complete,
          .hops = hops(texts)};
}

const KnownPath& known_of(const PathBook& book) {
  return *book.find({kReporter, NodeId{2}, 40'000, Direction::kForward});
}

struct Trace {
  bool complete;
  std::vector<const char*> hops;
  PathNews news;
};
struct Story {
  const char* name;
  std::vector<Trace> traces;
};

void check(const std::vector<Story>& stories) {
  for (const auto& story : stories) {
    CAPTURE(story.name);
    PathBook book;
    for (std::size_t i = 0; i < story.traces.size(); ++i) {
      CAPTURE(i);
      const auto& trace = story.traces[i];
      const auto at = static_cast<std::int64_t>(i);
      CHECK(to_string(book.update(kReporter, traced(at, trace.complete, trace.hops))) ==
            to_string(trace.news));
    }
  }
}

TEST_CASE("each trace is news or is not", "[topology]") {
  check({
      {"the same again",
       {{true, {"1.1.1.1", "2.2.2.2"}, PathNews::kFirst},
        {true, {"1.1.1.1", "2.2.2.2"}, PathNews::kUnchanged}}},
      {"another route",
       {{true, {"1.1.1.1", "2.2.2.2"}, PathNews::kFirst},
        {true, {"1.1.1.1", "3.3.3.3"}, PathNews::kChanged},
        {true, {"1.1.1.1", "3.3.3.3"}, PathNews::kUnchanged}}},
      {"a longer route",
       {{true, {"1.1.1.1"}, PathNews::kFirst}, {true, {"1.1.1.1", "3.3.3.3"}, PathNews::kChanged}}},
      {"a rate-limited hop",
       {{true, {"1.1.1.1", "2.2.2.2"}, PathNews::kFirst},
        {true, {"*", "2.2.2.2"}, PathNews::kUnchanged}}},
      {"a hop that speaks at last",
       {{true, {"*", "2.2.2.2"}, PathNews::kFirst},
        {true, {"1.1.1.1", "*"}, PathNews::kRefined},
        {true, {"1.1.1.1", "2.2.2.2"}, PathNews::kUnchanged}}},
      {"cut short by a fault, for ever",
       {{true, {"1.1.1.1", "2.2.2.2"}, PathNews::kFirst},
        {false, {"1.1.1.1"}, PathNews::kUnchanged},
        {false, {"1.1.1.1", "*", "*"}, PathNews::kUnchanged},
        {false, {}, PathNews::kUnchanged},
        {false, {"1.1.1.1"}, PathNews::kUnchanged},
        {true, {"1.1.1.1", "2.2.2.2"}, PathNews::kUnchanged}}},
      {"rerouted into a fault",
       {{true, {"1.1.1.1", "2.2.2.2"}, PathNews::kFirst},
        {false, {"9.9.9.9"}, PathNews::kWithheld},
        {false, {"9.9.9.9"}, PathNews::kWithheld},
        {false, {"9.9.9.9"}, PathNews::kChanged},
        {true, {"9.9.9.9", "2.2.2.2"}, PathNews::kRefined}}},
      {"one stray trace",
       {{true, {"1.1.1.1", "2.2.2.2"}, PathNews::kFirst},
        {false, {"9.9.9.9"}, PathNews::kWithheld},
        {false, {"9.9.9.9"}, PathNews::kWithheld},
        {true, {"1.1.1.1", "2.2.2.2"}, PathNews::kUnchanged},
        {false, {"9.9.9.9"}, PathNews::kWithheld}}},
      {"never complete yet",
       {{false, {"1.1.1.1"}, PathNews::kFirst},
        {false, {"1.1.1.1", "2.2.2.2"}, PathNews::kRefined},
        {false, {"1.1.1.1", "3.3.3.3"}, PathNews::kChanged},
        {true, {"1.1.1.1", "3.3.3.3", "4.4.4.4"}, PathNews::kRefined}}},
  });
}

TEST_CASE("a silent hop before the far end may be the far end", "[topology]") {
  check({
      {"a far end not heard at its own distance",
       {{true, {"1.1.1.1", "2.2.2.2"}, PathNews::kFirst},
        {true, {"1.1.1.1", "2.2.2.2", "*"}, PathNews::kWithheld},
        {true, {"1.1.1.1", "*", "*", "*"}, PathNews::kWithheld},
        {true, {"1.1.1.1", "2.2.2.2"}, PathNews::kUnchanged},
        {true, {"1.1.1.1", "2.2.2.2", "*"}, PathNews::kWithheld}}},
      {"a far end not heard at its own distance at first",
       {{true, {"1.1.1.1", "2.2.2.2", "*"}, PathNews::kFirst},
        {true, {"1.1.1.1", "2.2.2.2"}, PathNews::kChanged}}},
      {"a longer route with a router before the far end that never speaks",
       {{true, {"1.1.1.1"}, PathNews::kFirst},
        {true, {"2.2.2.2", "*"}, PathNews::kWithheld},
        {true, {"2.2.2.2", "*"}, PathNews::kWithheld},
        {true, {"2.2.2.2", "*"}, PathNews::kChanged}}},
  });
}

TEST_CASE("the book keeps what several traces saw, and since when", "[topology]") {
  PathBook book;
  book.update(kReporter, traced(10, true, {"1.1.1.1", "*", "3.3.3.3"}));
  book.update(kReporter, traced(20, false, {"*", "2.2.2.2"}));
  CHECK(known_of(book).path == traced(20, true, {"1.1.1.1", "2.2.2.2", "3.3.3.3"}));
  CHECK(known_of(book).changed_at == wall_time_from_unix_seconds(10));
  book.update(kReporter, traced(30, true, {"1.1.1.1", "7.7.7.7", "3.3.3.3"}));
  CHECK(known_of(book).changed_at == wall_time_from_unix_seconds(30));
  CHECK(known_of(book).changes == 1);
  CHECK(book.route_changes() == 1);
}

TEST_CASE("a trace from a spool does not replace a newer one", "[topology]") {
  PathBook book;
  book.update(kReporter, traced(20, true, {"1.1.1.1"}));
  CHECK(book.update(kReporter, traced(10, true, {"9.9.9.9"})) == PathNews::kRefused);
  CHECK(known_of(book).path.hops == hops({"1.1.1.1"}));
  CHECK(book.refused() == 1);
}

TEST_CASE("sessions differ in reporter, target, port and direction, and are forgotten by them",
          "[topology]") {
  PathBook book;
  auto path = traced(1, true, {"1.1.1.1"});
  book.update(kReporter, path);
  path.direction = Direction::kReturn;
  book.update(kReporter, path);
  path.source_port = 40'001;
  book.update(kReporter, path);
  path.target = NodeId{3};
  book.update(kReporter, path);
  book.update(NodeId{9}, path);
  CHECK(book.size() == 5);
  CHECK(book.forget_if([](const PathKey& key) { return key.target == NodeId{3}; }) == 2);
  CHECK(book.size() == 3);
}

TEST_CASE("a window is seen with the route that was known then", "[path_book]") {
  PathBook book;
  const auto at = [&](std::int64_t time) {
    return known_of(book).at(wall_time_from_unix_seconds(time)).path->hops;
  };
  book.update(kReporter, traced(100, true, {"10.0.0.1", "10.0.0.2"}));
  book.update(kReporter, traced(150, true, {"10.0.0.1", "10.0.0.2"}));
  const auto first = known_of(book).at(wall_time_from_unix_seconds(150));
  book.update(kReporter, traced(200, true, {"10.0.0.1", "10.0.0.3"}));
  book.update(kReporter, traced(300, true, {"10.0.0.1", "10.0.0.4"}));
  CHECK(at(50) == hops({"10.0.0.1", "10.0.0.2"}));  // the first that is known
  CHECK(at(199) == hops({"10.0.0.1", "10.0.0.2"}));
  CHECK(at(200) == hops({"10.0.0.1", "10.0.0.3"}));
  CHECK(at(299) == hops({"10.0.0.1", "10.0.0.3"}));
  CHECK(at(400) == hops({"10.0.0.1", "10.0.0.4"}));
  CHECK(first.revision == known_of(book).at(wall_time_from_unix_seconds(199)).revision);
  CHECK(first.revision != known_of(book).at(wall_time_from_unix_seconds(200)).revision);
}

TEST_CASE("a path has another revision when hops of it became known", "[path_book]") {
  PathBook book;
  book.update(kReporter, traced(1, true, {"10.0.0.1", "*", "10.0.0.3"}));
  const auto before = known_of(book).revision;
  book.update(kReporter, traced(2, true, {"10.0.0.1", "*", "10.0.0.3"}));
  CHECK(known_of(book).revision == before);
  book.update(kReporter, traced(3, true, {"10.0.0.1", "10.0.0.2", "10.0.0.3"}));
  CHECK(known_of(book).revision != before);
}

TEST_CASE("earlier routes are bounded in number", "[path_book]") {
  PathBook book;
  const std::vector<const char*> ways{"10.0.0.1", "10.0.0.2"};
  for (int i = 0; i < 20; ++i) book.update(kReporter, traced(i, true, {ways[i % 2]}));
  CHECK(known_of(book).earlier.size() == kEarlierPathsMax);
  CHECK(known_of(book).changes == 19);
}

TEST_CASE("when the clock is set back, new traces are not taken for old ones", "[topology]") {
  PathBook book;
  const auto shared = [&] { return PathBook(book); };
  book.update(kReporter, traced(1'000, true, {"10.0.0.1", "10.0.0.2"}));
  const auto before = shared();
  CHECK(book.update(kReporter, traced(400, true, {"10.0.0.1", "10.0.0.3"})) == PathNews::kRefused);
  book.set_back(wall_time_from_unix_seconds(300));
  CHECK(book.update(kReporter, traced(400, true, {"10.0.0.1", "10.0.0.3"})) == PathNews::kChanged);
  CHECK(known_of(before).path.traced_at == wall_time_from_unix_seconds(1'000));  // a snapshot
}

}  // namespace
}  // namespace faultline::topology
