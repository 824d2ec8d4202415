// Completion: what could be typed next, from the command line's own definition.
//
// Why it exists: the shells' scripts (completion_scripts.h) only pass on what is typed, so that all
// three know every command and option of this very build, and one test covers them.
// Pure. Thread safety: none needed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace faultline::cli {

struct Candidate {
  std::string word;
  std::string about;  // may be empty

  bool operator==(const Candidate&) const = default;
};

// What else fits, which the definition does not know.
enum class Lookup : std::uint8_t { kNothing, kFiles, kNodes, kIncidents, kTokens };

struct Completion {
  std::vector<Candidate> candidates;
  Lookup lookup = Lookup::kNothing;
  std::string prefix;  // what a name that is looked up must begin with
  // Global options that were typed, with their values: which controller is asked.
  std::vector<std::string> global_options;

  bool operator==(const Completion&) const = default;
};

// `words` are those after the program's name; the last is the one being typed, perhaps empty.
[[nodiscard]] Completion complete(const CLI::App& app, std::span<const std::string> words);

}  // namespace faultline::cli
