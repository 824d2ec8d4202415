// The three tables of a report. Internal to this folder.
#pragma once

#include <optional>
#include <vector>

#include "common/base/result.h"
#include "common/model/report.h"
#include "common/wire/report_codec.h"
#include "report.capnp.h"

namespace faultline::wire {

void write_flows(schema::FlowTable::Builder builder, const std::vector<FlowWindow>& flows);
// `only`: rows of that target; the others are passed over unchecked. Of delays likewise.
[[nodiscard]] Result<std::vector<FlowWindow>> read_flows(schema::FlowTable::Reader reader,
                                                         std::optional<NodeId> only);

void write_delays(schema::DelayTable::Builder builder, const std::vector<TargetDelay>& delays);
[[nodiscard]] Result<std::vector<TargetDelay>> read_delays(schema::DelayTable::Reader reader,
                                                           std::optional<NodeId> only);

// Adds to `sums`, of each target one after the other.
[[nodiscard]] Status read_flow_sums(schema::FlowTable::Reader reader, std::vector<TargetSum>& sums);
[[nodiscard]] Status read_delay_sums(schema::DelayTable::Reader reader,
                                     std::vector<TargetSum>& sums);

void write_paths(schema::PathTable::Builder builder, const std::vector<PathRecord>& paths);
[[nodiscard]] Result<std::vector<PathRecord>> read_paths(schema::PathTable::Reader reader);

}  // namespace faultline::wire
