// What other nodes say of one that is in question, as JSON: for views_json.cc.
#pragma once

#include <fmt/format.h>

#include "controller/api/json_parts.h"
#include "controller/api/reach_view.h"

namespace faultline::api {

inline Json json(const WitnessView& witness) {
  return Json{{"node", witness.name},
              {"rack", or_null(witness.rack)},
              {"saw", witness.saw},
              {"tests", witness.text},
              {"at", format_rfc3339(witness.at)}};
}

inline Json json(const NodeInQuestion& node) {
  return Json{{"node", node.node},
              {"condition", node.reach.condition},
              {"summary", fmt::format("{}: {}", node.reach.words, node.reach.summary)}};
}

inline Json json(const ReachView& reach) {
  return Json{{"condition", reach.condition},
              {"summary", reach.summary},
              {"doubted_at", format_rfc3339(reach.doubted_at)},
              {"asked_at", or_null(reach.asked_at)},
              {"by_way_of", or_null(reach.by_way_of)},
              {"witnesses", list(reach.witnesses, json)}};
}

}  // namespace faultline::api
