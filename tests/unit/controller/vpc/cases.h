// The table of written cases (cases/*.json) and the snapshots that they are about (worlds/*/).
//
// A case is a world in the AWS CLI's form, what is changed in it, a question, and the answer:
//   change  elements by id: a merge patch (RFC 7396), or null to take the element away
//   add     one more answer of the AWS CLI
//   drop    files of the world that are not there, without ".json"
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "controller/vpc/importer.h"
#include "controller/vpc/reach.h"

namespace faultline::vpc::tests {

struct Expected {
  std::string verdict{};
  std::string code{};  // empty: not judged, as the others
  std::string direction{};
  std::string element{};
  std::string rule{};
};

struct Case {
  std::string area{};  // file
  std::string name{};
  std::vector<SourceFile> files{};
  Question question{};
  Expected expected{};
};

[[nodiscard]] std::vector<SourceFile> load_world(const std::string& name);
[[nodiscard]] std::vector<Case> load_cases();

}  // namespace faultline::vpc::tests
