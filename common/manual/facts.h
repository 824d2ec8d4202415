// Facts: what a program's manual says beside its options. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace faultline::manual {

struct Entry {
  std::string term;  // "862/udp", "SIGHUP", "3"
  std::string text;
};

// "Exit status" and the like: paragraphs, then entries.
struct Section {
  std::string title;
  std::vector<std::string> paragraphs = {};
  std::vector<Entry> entries = {};
};

struct Example {
  std::string about;
  std::vector<std::string> lines;  // as typed
};

struct Facts {
  std::string program;
  std::string section = "8";  // of the manual: 1 for everybody's commands, 8 for daemons
  std::string version;        // "0.1.0"
  std::string date;     // of the text, "2026-11-26"; not of the build, which shall be repeatable
  std::string summary;  // one line
  std::vector<std::string> description = {};  // paragraphs
  std::vector<Section> sections = {};
  std::vector<Example> examples = {};
  std::vector<std::string> see_also = {};  // "faultline(1)"
  // What the help of every sub-command ends with; the page says it once.
  std::string common_footer = {};
};

// Words filled into lines of at most `width`, each after `indent` blanks.
[[nodiscard]] std::string fill(std::string_view text, std::size_t indent, std::size_t width);

}  // namespace faultline::manual
