#include "controller/changes/history.h"

#include "controller/changes/path_difference.h"
#include "tests/support/catch.h"

namespace faultline::changes {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Component kLink{"leaf1>spine2", "leaf1", "spine2"};

WallTime at(int second) { return wall_time_from_unix_seconds(1'800'000'000 + second); }

Change of_node(int second, const std::string& node, const std::string& after) {
  return {.time = at(second),
          .kind = Kind::kMembership,
          .subject = node,
          .before = "live",
          .after = after,
          .components = {{node, {}, {}}}};
}

Change of_path(int second, const std::string& subject, std::vector<Component> components) {
  return {.time = at(second),
          .kind = Kind::kPath,
          .subject = subject,
          .before = "leaf1 > spine2 > leaf3",
          .after = "leaf1 > spine1 > leaf3",
          .components = std::move(components)};
}

Change of_fleet(int second, Kind kind, const std::string& after) {
  return {.time = at(second), .kind = kind, .subject = "the plan", .before = "", .after = after};
}

std::vector<std::string> words_of(const std::vector<Change>& changes) {
  std::vector<std::string> words;
  for (const auto& change : changes) words.push_back(subject_text(change) + ": " + change.after);
  return words;
}

// Bad since second 100, in windows of ten seconds.
Question question() {
  return {.last_good_end = at(100),
          .first_bad_end = at(110),
          .suspects = {kLink},
          .affected = {"h1", "h7"}};
}

TEST_CASE("what touches the component comes first, then its ends, its nodes, the whole fleet",
          "[changes]") {
  History history;
  history.note(of_fleet(99, Kind::kPlan, "revision 5"));
  history.note(of_fleet(99, Kind::kTopology, "read again"));
  history.note(of_node(98, "h7", "restarted"));
  history.note(of_node(97, "h9", "silent"));  // has nothing to do with it
  history.note(of_node(96, "spine2", "MTU 1500"));
  history.note(of_path(95, "h1:20003>h7", {kLink, {"h1", {}, {}}}));
  CHECK(words_of(history.touching(question())) ==
        std::vector<std::string>{"h1:20003>h7: leaf1 > spine1 > leaf3", "spine2: MTU 1500",
                                 "h7: restarted", "the plan: read again", "the plan: revision 5"});
  auto two = question();
  two.changes_max = 2;
  CHECK(history.touching(two).size() == 2);
  CHECK(words_of(history.since(at(98), 10)) ==
        std::vector<std::string>{"the plan: revision 5", "the plan: read again", "h7: restarted"});
}

TEST_CASE("a cause lies before the first bad window ends; a trace may tell of it later",
          "[changes]") {
  struct {
    int second;
    Kind kind;
    bool told;
  } const cases[] = {{39, Kind::kMembership, false}, {41, Kind::kMembership, true},
                     {109, Kind::kMembership, true}, {111, Kind::kMembership, false},
                     {111, Kind::kPath, true},       {289, Kind::kPath, true},
                     {291, Kind::kPath, false},      {39, Kind::kPath, false}};
  for (const auto& [second, kind, told] : cases) {
    CAPTURE(second, to_string(kind));
    History history;
    auto change = of_node(second, "h1", "other");
    change.kind = kind;
    history.note(change);
    CHECK(history.touching(question()).size() == (told ? 1 : 0));
  }
}

TEST_CASE("a cable, its directions, its devices and a twin of the suspect are all the component",
          "[changes]") {
  const Component changed[] = {{"leaf1=spine2", "leaf1", "spine2"},
                               {"spine2>leaf1", "spine2", "leaf1"},
                               {"leaf1>spine2", "leaf1", "spine2"}};
  for (const auto& component : changed) {
    CAPTURE(component.id);
    for (const auto& suspect : {kLink, Component{"spine2", {}, {}}}) {
      History history;
      history.note(of_node(95, "h1", "restarted"));
      history.note(of_path(95, "h1:20003>h7", {component}));
      auto asked = question();
      asked.suspects = {{"leaf9", {}, {}}, suspect};
      CHECK(words_of(history.touching(asked)).at(0) == "h1:20003>h7: leaf1 > spine1 > leaf3");
    }
  }
}

TEST_CASE("flows that were moved the same way round are one change with a count", "[changes]") {
  History history;
  for (int i = 0; i < 12; ++i) {
    history.note(of_path(100 + i, "h" + std::to_string(i) + ":1>h99",
                         {kLink, {"h" + std::to_string(i), {}, {}}}));
  }
  history.note(of_path(160, "h1:1>h99", {kLink}));  // much later: another event
  const auto found = history.since(at(0), 100);
  CHECK(words_of(found) ==
        std::vector<std::string>{"h1:1>h99: leaf1 > spine1 > leaf3",
                                 "h0:1>h99 and 11 others: leaf1 > spine1 > leaf3"});
  CHECK(found[1].components.size() == 13);
}

TEST_CASE("a flood of one kind forgets its own oldest and nothing of another kind", "[changes]") {
  History history;
  history.note(of_node(0, "h1", "restarted"));
  for (int i = 0; i < 3000; ++i) {
    auto change = of_path(i, "flow", {kLink});
    change.after = std::to_string(i);
    history.note(change);
  }
  CHECK(history.size() == kChangesPerKindMax + 1);
  CHECK(history.forgotten() == 3000 - kChangesPerKindMax);
  CHECK(history.since(at(0), 10'000).back().after == "restarted");
}

TEST_CASE("two routes differ between where they part and where they meet again", "[changes]") {
  struct {
    std::vector<std::string> before, after;
    std::string told;
    std::size_t components;
  } const cases[] = {
      {{"h1", "l1", "s2", "l3", "h7"},
       {"h1", "l1", "s1", "l3", "h7"},
       "l1 > s2 > l3 | l1 > s1 > l3",
       6},
      {{"h1", "l1", "l3", "h7"}, {"h1", "l1", "s1", "l3", "h7"}, "l1 > l3 | l1 > s1 > l3", 4},
      {{"h1", "l1", "s2", "l3", "h7"},
       {"h1", "l1", "*", "l3", "h7"},
       "l1 > s2 > l3 | l1 > * > l3",
       3},
      {{"h1", "l1", "s2"}, {"h1", "l1", "s1"}, "l1 > s2 | l1 > s1", 4},
      {{"h1", "l1", "l1", "h7"}, {"h1", "l1", "h7"}, "l1 > l1 > h7 | l1 > h7", 1},
      {{"h1", "l1", "h7"}, {"h1", "l1", "h7"}, " | ", 0},
      {{}, {"h1", "h7"}, " | ", 0}};
  const auto links_of = [](const std::vector<std::string>& devices) {
    std::vector<std::string> links;
    for (std::size_t i = 1; i < devices.size(); ++i) {
      links.push_back(devices[i - 1] + ">" + devices[i]);
    }
    return links;
  };
  for (const auto& [before, after, told, components] : cases) {
    const auto before_links = links_of(before);
    const auto after_links = links_of(after);
    const auto found = difference({before, before_links}, {after, after_links});
    CAPTURE(told);
    CHECK(found.before + " | " + found.after == told);
    CHECK(found.components.size() == components);
  }
}

}  // namespace
}  // namespace faultline::changes
