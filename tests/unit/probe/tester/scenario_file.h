// Reads a file of scenarios: paths as data, which the tests of this folder run on virtual time.
//
//   # a comment
//   scenario NAME
//   key [word ...]
//
// What a key means, and which there are, is the test's affair: it refuses what it does not know.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace faultline::tests {

// "moves-at=500": name and value; "silent", "1500": a name alone.
struct ScenarioWord {
  std::string name{};
  std::string value{};
};

struct ScenarioLine {
  std::string key{};
  std::vector<ScenarioWord> words{};

  // A line that has one word, the first of several, a number.
  [[nodiscard]] const std::string& first() const {
    REQUIRE_FALSE(words.empty());
    return words.front().name;
  }
};

struct ScenarioText {
  std::string name{};
  std::vector<ScenarioLine> lines{};
};

inline std::vector<ScenarioText> read_scenarios(const std::string& file) {
  std::ifstream stream(file);
  CAPTURE(file);
  REQUIRE(stream.is_open());
  std::vector<ScenarioText> all;
  for (std::string text; std::getline(stream, text);) {
    std::istringstream words(text);
    ScenarioLine line;
    if (!(words >> line.key) || line.key[0] == '#') continue;
    if (line.key == "scenario") {
      std::string name;
      std::getline(words >> std::ws, name);
      all.push_back({.name = name});
      continue;
    }
    for (std::string word; words >> word;) {
      const auto at = word.find('=');
      line.words.push_back(
          {word.substr(0, at), at == std::string::npos ? "" : word.substr(at + 1)});
    }
    REQUIRE_FALSE(all.empty());  // a line before the first scenario
    all.back().lines.push_back(std::move(line));
  }
  return all;
}

template <typename Number>
void read_number(const std::string& text, Number& number) {
  std::istringstream stream(text);
  if (!(stream >> number) || !stream.eof()) FAIL("\"" << text << "\" is no number");
}

}  // namespace faultline::tests
