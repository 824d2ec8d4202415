// The catalogue of error codes: what each means, what causes it, what to check first.
//
// Why it exists: the same number means different things in different families (errno 11, ICMP type
// 11), and the same trouble has different names (ECONNREFUSED, WSAECONNREFUSED, curl's 7).
//
// Thread safety: pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace faultline::explain {

// A command of `faultline`, with SRC, DST and NODE where names of nodes go.
struct Advice {
  std::string command;
  std::string shows;  // what it tells in the presence of this code

  bool operator==(const Advice&) const = default;
};

struct Code {
  std::string family;  // the name of its family
  std::string number;  // "111", "-2", "3/4" (ICMP type and code); empty where it is only a name
  std::string name;    // as programs and manuals write it
  std::string summary;
  std::vector<std::string> aliases;
  std::string meaning;
  std::vector<std::string> causes;  // the most frequent first
  std::vector<std::string> checks;  // in this order
  std::vector<Advice> commands;     // empty: nothing that Faultline measures shows it

  bool operator==(const Code&) const = default;
};

struct Family {
  std::string name;
  std::vector<std::string> aliases;
  std::string title;
  std::string source;  // where numbers and meanings come from

  bool operator==(const Family&) const = default;
};

struct Catalogue {
  std::vector<Family> families;
  std::vector<Code> codes;  // in the order of the families, then of their files

  bool operator==(const Catalogue&) const = default;
};

struct CodeFile {
  std::string_view name;
  std::string_view text;
};

// The files compiled into the program: commands.yaml, then one per family.
[[nodiscard]] std::span<const CodeFile> code_files();

// Reads commands.yaml (the first file) and the families. Refuses unknown keys, empty fields, an
// unknown command, and a name, alias or number that a family has twice.
[[nodiscard]] Result<Catalogue> read_catalogue(std::span<const CodeFile> files);

}  // namespace faultline::explain
