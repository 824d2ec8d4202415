// The values that `freeze` writes down: every form of message, with every field different from its
// default and from its neighbors, so that a field taken for another one shows.
#pragma once

#include <string>
#include <vector>

#include "common/model/control.h"
#include "common/model/mesh.h"
#include "common/model/report.h"

namespace faultline::corpus {

template <typename Value>
struct Sample {
  std::string name;  // of the file
  Value value;
};

[[nodiscard]] std::vector<Sample<ProbeMessage>> probe_samples();
[[nodiscard]] std::vector<Sample<ControllerMessage>> controller_samples();
[[nodiscard]] std::vector<Sample<MeshMessage>> mesh_samples();
[[nodiscard]] std::vector<Sample<Plan>> plan_samples();
[[nodiscard]] std::vector<Sample<Report>> report_samples();

}  // namespace faultline::corpus
