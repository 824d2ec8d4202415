#include <map>

#include "tests/support/catch.h"
#include "tests/unit/controller/incident/story.h"

namespace faultline::incident {
namespace {

struct Line {
  const char* window;
  const char* events;
};
struct Story {
  const char* name;
  std::vector<Line> lines;
};

const std::vector<Story> kStories = {
    {"a healthy network stays silent", {{"", ""}, {"", ""}, {"?", ""}, {"", ""}}},
    {"one unlucky window tells nobody", {{"a>b", ""}, {"", ""}, {"", ""}, {"", ""}, {"a>b", ""}}},
    {"a fault opens once and resolves once",
     {{"a>b", ""},
      {"a>b", "opened a>b"},
      {"a>b", ""},
      {"a>b", ""},
      {"", ""},
      {"", ""},
      {"", "resolved a>b"},
      {"", ""}}},
    {"two of three windows are enough", {{"a>b", ""}, {"", ""}, {"a>b", "opened a>b"}}},
    {"an unsure suspect never opens", {{"a>b:0.8", ""}, {"a>b:0.8", ""}, {"a>b:0.8", ""}}},
    {"but keeps open what was sure",
     {{"a>b", ""},
      {"a>b", "opened a>b"},
      {"a>b:0.6", ""},
      {"a>b:0.6", ""},
      {"a>b:0.6", ""},
      {"a>b:0.4", ""},
      {"a>b:0.4", ""},
      {"a>b:0.4", "resolved a>b"}}},
    {"slow burn: it grows sure over many windows",
     {{"a>b:0.55", ""},
      {"a>b:0.7", ""},
      {"a>b:0.85", ""},
      {"a>b:0.93", ""},
      {"a>b:0.97", "opened a>b"}}},
    {"a healed window in between resolves nothing",
     {{"a>b", ""}, {"a>b", "opened a>b"}, {"", ""}, {"", ""}, {"a>b", ""}, {"", ""}, {"", ""}}},
    {"a blind controller never resolves",
     {{"a>b", ""},
      {"a>b", "opened a>b"},
      {"?", ""},
      {"?", ""},
      {"?", ""},
      {"?", ""},
      {"?", ""},
      {"", ""},
      {"?", ""},
      {"", ""},
      {"?", ""},
      {"", "resolved a>b"}}},
    {"what is seen counts even where the rest is dark", {{"? a>b", ""}, {"? a>b", "opened a>b"}}},
    {"flap: the same incident again, and harder to close",
     {{"a>b", ""},
      {"a>b", "opened a>b"},
      {"", ""},
      {"", ""},
      {"", "resolved a>b"},
      {"a>b", ""},
      {"a>b", "opened a>b"},
      {"", ""},
      {"", ""},
      {"", ""},
      {"", ""},
      {"", ""},
      {"", "resolved a>b"}}},
    {"one window of it after the end opens nothing",
     {{"a>b", ""},
      {"a>b", "opened a>b"},
      {"", ""},
      {"", ""},
      {"", "resolved a>b"},
      {"a>b", ""},
      {"", ""},
      {"", ""},
      {"a>b", ""}}},
    {"two faults at once are two incidents",
     {{"a>b c>d", ""},
      {"a>b c>d", "opened a>b, opened c>d"},
      {"a>b", ""},
      {"a>b", ""},
      {"a>b", "resolved c>d"},
      {"a>b", ""}}},
    {"two links of one device are two incidents",
     {{"a>b a>c", ""}, {"a>b a>c", "opened a>b, opened a>c"}, {"a>b a>c", ""}}},
    {"both directions of parallel cables are not one fault",
     {{"a>b#2", ""}, {"a>b#2", "opened a>b#2"}, {"a>b#2 b>a", ""}, {"a>b#2 b>a", "opened b>a"}}},
    {"a link that turns out to be its cable",
     {{"a>b", ""},
      {"a>b", "opened a>b"},
      {"a=b", ""},
      {"a=b", "updated a=b"},
      {"a=b", ""},
      {"", ""},
      {"", ""},
      {"", "resolved a=b"}}},
    {"a link that turns out to be its device",
     {{"a>b", ""}, {"a>b", "opened a>b"}, {"a", ""}, {"a", "updated a"}, {"a", ""}}},
    {"one window under another name renames nothing",
     {{"a>b", ""}, {"a>b", "opened a>b"}, {"a", ""}, {"a>b", ""}, {"a>b", ""}, {"a>b", ""}}},
    {"links that turn out to be their device become one incident",
     {{"a>b a>c", ""},
      {"a>b a>c", "opened a>b, opened a>c"},
      {"a", ""},
      {"a", "updated a, resolved a>c"},
      {"a", ""},
      {"", ""},
      {"", ""},
      {"", "resolved a"},
      {"", ""}}},
    {"a device that looks like its links for a while stays one incident",
     {{"a", ""},
      {"a", "opened a"},
      {"a>b a>c", ""},
      {"a", ""},
      {"a>b a>c", "updated a>b"},
      {"a>b a>c", ""},
      {"a>b a>c", ""},
      {"a", ""},
      {"a", "updated a"}}},
    {"a device and, apart from it, one of its links: the localizer says two",
     {{"a", ""}, {"a", "opened a"}, {"a a>b", ""}, {"a a>b", "opened a>b"}, {"a a>b", ""}}},
    {"a device that healed resolves though one of its links is still bad",
     {{"a a>b", ""},
      {"a a>b", "opened a, opened a>b"},
      {"a>b", ""},
      {"a>b", ""},
      {"a>b", "resolved a"}}},
    {"members of an ambiguity group that take turns are one name",
     {{"a>b~b>c", ""},
      {"a>b~b>c", "opened a>b"},
      {"b>c~a>b", ""},
      {"b>c~a>b", ""},
      {"b>c~a>b", ""},
      {"a>b~b>c", ""}}},
    {"an ambiguity that is split names the right one",
     {{"a>b~b>c", ""},
      {"a>b~b>c", "opened a>b"},
      {"b>c", ""},
      {"b>c", "updated b>c"},
      {"b>c", ""}}},
    {"a suspect beside another that cannot be told from it is no second fault",
     {{"a>b~b>c b>c", ""}, {"a>b~b>c b>c", "opened a>b"}, {"a>b b>c~a>b", ""}, {"a>b b>c", ""}}},
    {"nor is it in the other order",
     {{"b>c a>b~b>c", ""}, {"b>c a>b~b>c", "opened b>c"}, {"b>c a>b~b>c", ""}}},
    {"loss that quadruples is told, noise is not",
     {{"a>b@0.01", ""},
      {"a>b@0.01", "opened a>b"},
      {"a>b@0.013", ""},
      {"a>b@0.04", "updated a>b"},
      {"a>b@0.05", ""},
      {"a>b@0.01", "updated a>b"}}},
    {"another class is told when it lasts",
     {{"a>b", ""},
      {"a>b", "opened a>b"},
      {"a>b@1!down", ""},
      {"a>b@1!down", "updated a>b"},
      {"a>b@1!down", ""}}},
    {"another fault elsewhere in the same moment as a heal",
     {{"a>b", ""},
      {"a>b", "opened a>b"},
      {"c>d", ""},
      {"c>d", "opened c>d"},
      {"c>d", "resolved a>b"}}},
};

// Runs a story; before every line the machine may be restarted from what the ledger holds.
void run(const Story& story, bool restart_each_time) {
  CAPTURE(story.name, restart_each_time);
  Rng rng{1};
  Machine machine{{}};
  std::map<std::string, Incident> ledger;
  for (std::size_t i = 0; i < story.lines.size(); ++i) {
    CAPTURE(i, story.lines[i].window);
    const auto number = static_cast<int>(i);
    if (restart_each_time) {
      std::vector<Incident> stored;
      for (const auto& [id, incident] : ledger) {
        stored.push_back(incident_from_json(to_json(incident)).value());
      }
      machine = Machine{{}};
      REQUIRE(machine.restore(stored, window_end(number) - std::chrono::seconds{1}));
    }
    const auto outcome = machine.judge(window_of(number, story.lines[i].window), rng);
    for (const auto& incident : outcome.changed) ledger[incident.id] = incident;
    for (const auto& id : outcome.erased) ledger.erase(id);
    CHECK(said(outcome) == story.lines[i].events);
  }
}

TEST_CASE("the stories of incidents", "[incident]") {
  for (const auto& story : kStories) run(story, false);
}

TEST_CASE("the stories are the same when the controller restarts before every window",
          "[incident]") {
  for (const auto& story : kStories) run(story, true);
}

}  // namespace
}  // namespace faultline::incident
