#include "controller/localize/flow_names.h"

#include <string_view>
#include <tuple>

namespace faultline::localize {

std::string flow_name(const ObservationSet& set, const FlowRecord& flow) {
  const std::string_view name = set.at(flow.flow);
  return name.empty() ? set.at(flow.src).id + " to " + set.at(flow.dst).id : std::string(name);
}

bool named_before(const ObservationSet& set, const FlowRecord& a, const FlowRecord& b) {
  const auto key = [&](const FlowRecord& it) {
    return std::tuple(std::string_view(set.at(it.flow)), std::string_view(set.at(it.src).id),
                      std::string_view(set.at(it.dst).id), it.size, it.dscp);
  };
  return key(a) < key(b);
}

}  // namespace faultline::localize
