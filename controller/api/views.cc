#include "controller/api/views.h"

namespace faultline::api {

std::string_view to_string(Health health) {
  switch (health) {
    case Health::kHealthy:
      return "healthy";
    case Health::kFault:
      return "fault";
    case Health::kInconclusive:
      return "inconclusive";
  }
  return "unknown";
}

std::string_view to_string(NodeState state) {
  switch (state) {
    case NodeState::kLive:
      return "live";
    case NodeState::kSilent:
      return "silent";
    case NodeState::kJoined:
      return "joined";
    case NodeState::kRestarting:
      return "restarting";
  }
  return "unknown";
}

}  // namespace faultline::api
