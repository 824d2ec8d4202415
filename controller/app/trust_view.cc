#include "controller/app/trust_view.h"

#include <algorithm>

namespace faultline::app {
namespace {

constexpr const char* kCurrent = "current";
constexpr const char* kNext = "next";

api::TrustedNodeView node_view(const fleet::Node& node, std::uint64_t known_from) {
  const auto& record = node.record;
  api::TrustedNodeView view{.name = record.name,
                            .state = std::string(to_string(node.state)),
                            .how = std::string(to_string(record.enrollment)),
                            .since = record.joined_at,
                            .keys = {{to_string(record.key), kCurrent, record.key_since}},
                            .rekey_asked = record.rekey_asked_at.has_value(),
                            .knows_controller_keys = record.controllers_revision >= known_from};
  if (record.next_key) view.keys.push_back({to_string(*record.next_key), kNext, std::nullopt});
  return view;
}

}  // namespace

api::TrustView trust_view(const core::ControllerCore& core) {
  api::TrustView view;
  const auto& keys = core.controller_keys().record();
  view.controller_keys.push_back({to_string(keys.current.key), kCurrent, keys.current.since});
  if (keys.next) {
    view.controller_keys.push_back({to_string(keys.next->key), kNext, keys.next->since});
  }
  for (const auto& [id, node] : core.fleet().nodes()) {
    if (node.state == fleet::NodeState::kRemoved) continue;
    view.nodes.push_back(node_view(node, core.controller_keys().known_from()));
    if (view.nodes.back().knows_controller_keys) {
      ++view.acknowledged;
    } else {
      view.missing.push_back(node.record.name);
    }
  }
  std::ranges::sort(view.nodes, {}, &api::TrustedNodeView::name);
  std::ranges::sort(view.missing);
  if (view.missing.size() > api::kMissingShownMax) {
    view.missing_omitted = view.missing.size() - api::kMissingShownMax;
    view.missing.resize(api::kMissingShownMax);
  }
  return view;
}

}  // namespace faultline::app
