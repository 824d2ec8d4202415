// For this folder's sources only: the state that a Document shares with its Sections.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/config/document.h"
#include "common/config/tree.h"

namespace faultline::config {

struct Mistake {
  int order = 0;  // the lowest is told
  std::string sentence;
};

struct Reading {
  std::string name;
  Node root;
  Environment environment;
  // What was asked for in each map: what else it holds is a mistake.
  std::map<const Node*, std::set<std::string, std::less<>>> asked;
  std::map<const Node*, std::string> paths;
  std::map<std::string, std::string, std::less<>> renamed;  // path of a key -> its old key
  std::map<const Node*, std::set<std::string, std::less<>>> retired;  // old keys, never suggested
  std::vector<Mistake> mistakes;
  std::vector<std::string> warnings;

  // `what` follows the place: "controller.yaml:12: ", without a line where that is 0.
  void add_mistake(int line, std::string_view what);
  void add_warning(int line, std::string_view what);
  // An absent key is told after all others: it may be one that is there, misspelt.
  void add_missing(int line, std::string_view key);

 private:
  [[nodiscard]] std::string place(int line) const;
};

}  // namespace faultline::config
