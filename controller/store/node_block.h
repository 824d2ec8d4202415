// NodeBlock: what a node's reports said beside their flows, in a stretch of time; one part for each
// seal (flow_block.h). Its row i belongs to window i of the flow parts of the same id.
//
//   part   | length 4 | layout v | id v | count v | count x row |
//   row    | start - start before v | window v | boot 8 | sequence v | sequence - first v |
//          | dropped v | plan v | health 6 x v |            a gap has the window 0
//          | machine: softnet v, throttled v, stolen v, clock v, step z, offset z |  from layout 2 on
//
// Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/model/report.h"
#include "controller/store/flow_block.h"

namespace faultline::store {

struct NodePart {
  struct Row {
    WindowTime time{};  // window 0: a gap
    BootId boot{};
    std::uint64_t first_sequence = 0;
    std::uint64_t sequence = 0;
    std::uint64_t results_dropped = 0;
    PlanRevision plan{};
    ProberHealth health{};

    [[nodiscard]] bool is_gap() const { return time.window == Duration::zero(); }
    bool operator==(const Row&) const = default;
  };

  std::uint64_t id = 0;
  std::vector<Row> rows{};  // start ascending

  bool operator==(const NodePart&) const = default;
};

[[nodiscard]] std::string encode_part(const NodePart& part);
// Takes all parts. False when one is damaged; what came before it was passed on.
[[nodiscard]] bool decode_parts(std::string_view block, const std::function<void(NodePart)>& take);

}  // namespace faultline::store
