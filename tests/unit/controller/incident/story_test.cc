// Runs the stories of stories/*.story (README.md), with and without a controller that restarts.
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "tests/support/catch.h"
#include "tests/unit/controller/incident/story.h"

namespace faultline::incident {
namespace {

struct Line {
  std::string text;  // of a window, or of what comes after "! "
  std::string events;
  bool is_window = true;
};
struct Story {
  std::string name;
  int quiet_windows = 90;
  std::vector<Line> lines;
};

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string::npos ? ""
                                    : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// "a>b x3" is three lines.
void add_windows(Story& story, Line line) {
  const auto mark = line.text.rfind(" x");
  int count = 1;
  if (mark != std::string::npos &&
      line.text.find_first_not_of("0123456789", mark + 2) == std::string::npos) {
    count = std::stoi(line.text.substr(mark + 2));
    line.text = trimmed(line.text.substr(0, mark));
  }
  for (int i = 0; i < count; ++i) story.lines.push_back(line);
}

std::vector<Story> read_stories(const std::filesystem::path& path) {
  std::vector<Story> stories;
  int quiet_windows = 90;
  std::ifstream file(path);
  for (std::string text; std::getline(file, text);) {
    text = trimmed(text);
    if (text.empty() || text.starts_with("#")) continue;
    if (text.starts_with("quiet: ")) {
      quiet_windows = std::stoi(text.substr(7));
    } else if (text.starts_with("story: ")) {
      stories.push_back({text.substr(7), quiet_windows, {}});
    } else {
      REQUIRE(!stories.empty());
      const auto arrow = text.find(" =>");
      const bool is_window = !text.starts_with("! ");
      CAPTURE(path.filename().string(), text);
      REQUIRE((!is_window || arrow != std::string::npos));
      Line line{trimmed(text.substr(0, arrow)),
                arrow == std::string::npos ? "" : trimmed(text.substr(arrow + 3)), is_window};
      if (!is_window) line.text = trimmed(line.text.substr(2));
      if (is_window) {
        add_windows(stories.back(), line);
      } else {
        stories.back().lines.push_back(line);
      }
    }
  }
  return stories;
}

// A machine, its ledger, and somebody who hears what it says.
class Stage {
 public:
  explicit Stage(const Story& story)
      : config_{.quiet_after_resolve = kWindow * story.quiet_windows}, machine_(config_) {}

  [[nodiscard]] WallTime now() const { return window_end(next_ - 1) + std::chrono::seconds{5}; }

  void restart() {
    std::vector<Incident> incidents;
    std::vector<Silence> silences;
    for (const auto& [id, text] : incidents_) {
      incidents.push_back(incident_from_json(text).value());
    }
    for (const auto& [id, text] : silences_) silences.push_back(silence_from_json(text).value());
    machine_ = Machine{config_};
    machine_.restore_silences(silences);
    REQUIRE(machine_.restore(incidents, now()));
  }

  std::string judge(const std::string& window) {
    return hear(machine_.judge(window_of(next_++, window), rng_));
  }

  std::string carry_out(const std::string& text) {
    std::istringstream words(text);
    std::string verb;
    words >> verb;
    if (verb == "maintenance" || verb == "silence") return add_silence(verb, words);
    if (verb == "end") return hear(machine_.end_silence(newest_silence_, "ada", now()).value());
    std::string component;
    words >> component;
    if (verb == "ack") return hear(machine_.acknowledge(id_of(component), "ada", now()).value());
    if (verb == "note") {
      return hear(machine_.note(id_of(component), "ada", "a note", now()).value());
    }
    if (verb == "resolve") {
      return hear(machine_.resolve(id_of(component), "ada", "port is shut", now()).value());
    }
    check(verb, component, words);
    return {};
  }

  // Nobody is left with a page that never ends: what is told as open is open.
  void check_balance() const {
    std::set<std::string> announced;
    for (const auto& incident : machine_.incidents()) {
      if (!incident.announced) continue;
      CHECK(incident.is_open());
      announced.insert(incident.id);
    }
    CHECK(announced == told_);
  }

 private:
  std::string add_silence(const std::string& kind, std::istringstream& words) {
    SilenceRequest request{.id = {},
                           .kind = parse_silence_kind(kind).value(),
                           .selector = {},
                           .author = "ada",
                           .comment = "why",
                           .starts_at = {},
                           .ends_at = {}};
    int length = 0;
    int after = 0;
    for (std::string word; words >> word;) {
      if (word == "for") {
        words >> length;
      } else if (word == "after") {
        words >> after;
      } else {
        const auto equals = word.find('=');
        const auto name = word.substr(0, equals);
        const auto value = word.substr(equals + 1);
        request.selector[name] = {name == "incident" ? id_of(value) : value};
      }
    }
    newest_silence_ = fmt::format("{}{}", id_prefix(request.kind), ++silence_count_);
    request.id = newest_silence_;
    if (after > 0) request.starts_at = window_end(next_ - 1 + after);
    request.ends_at = window_end(next_ - 1 + after + length);
    return hear(machine_.add_silence(request, now()).value());
  }

  void check(const std::string& verb, const std::string& component, std::istringstream& words) {
    std::string expected;
    words >> expected;
    if (expected == "by") words >> expected;
    const auto* incident = find(component);
    if (verb == "state") {
      CHECK((incident == nullptr ? "none" : std::string(to_string(incident->state))) == expected);
    } else {
      REQUIRE(verb == "held");
      REQUIRE(incident != nullptr);
      CHECK(incident->held_by.starts_with(expected));
    }
  }

  // The newest of a component.
  [[nodiscard]] const Incident* find(const std::string& component) const {
    const Incident* found = nullptr;
    for (const auto& incident : machine_.incidents()) {
      if (incident.suspect.id == component) found = &incident;
    }
    return found;
  }
  [[nodiscard]] std::string id_of(const std::string& component) const {
    CAPTURE(component);
    REQUIRE(find(component) != nullptr);
    return find(component)->id;
  }

  std::string hear(const Outcome& outcome) {
    for (const auto& incident : outcome.changed) incidents_[incident.id] = to_json(incident);
    for (const auto& id : outcome.erased) incidents_.erase(id);
    for (const auto& silence : outcome.silences) silences_[silence.id] = to_json(silence);
    for (const auto& event : outcome.events) {
      const auto& id = event.incident.id;
      if (event.kind == EventKind::kOpened) {
        CHECK(told_.insert(id).second);
        CHECK((event.reason == "opened again") == ever_told_.contains(id));
        ever_told_.insert(id);
      } else if (event.kind == EventKind::kResolved) {
        CHECK(told_.erase(id) == 1);
      } else {
        CHECK(told_.contains(id));
      }
    }
    return said(outcome);
  }

  MachineConfig config_;
  Machine machine_;
  Rng rng_{1};
  int next_ = 0;  // window
  std::map<std::string, std::string> incidents_;
  std::map<std::string, std::string> silences_;
  std::string newest_silence_;
  int silence_count_ = 0;
  std::set<std::string> told_;  // of an opening, and not of its end
  std::set<std::string> ever_told_;
};

void run(const Story& story, bool restart_each_time) {
  Stage stage(story);
  for (std::size_t i = 0; i < story.lines.size(); ++i) {
    const auto& line = story.lines[i];
    CAPTURE(story.name, i, line.text, restart_each_time);
    if (restart_each_time) stage.restart();
    CHECK((line.is_window ? stage.judge(line.text) : stage.carry_out(line.text)) == line.events);
  }
  CAPTURE(story.name);
  stage.check_balance();
}

void run_all(bool restart_each_time) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(FAULTLINE_STORIES)) {
    for (const auto& story : read_stories(entry.path())) {
      run(story, restart_each_time);
      ++count;
    }
  }
  CHECK(count >= 60);  // that they were found
}

TEST_CASE("the stories of incidents", "[incident]") { run_all(false); }

TEST_CASE("the stories are the same when the controller restarts before every line", "[incident]") {
  run_all(true);
}

}  // namespace
}  // namespace faultline::incident
