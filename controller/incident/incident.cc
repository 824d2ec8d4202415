#include "controller/incident/incident.h"

#include <algorithm>

namespace faultline::incident {
namespace {

constexpr double kCriticalLoss = 0.10;
constexpr double kErrorLoss = 0.005;
constexpr double kDeadLoss = 0.5;  // what depends on such a component says nothing of itself

bool has_ends(const Component& component) { return !component.from.empty(); }

bool is_end_of(const Component& device, const Component& link) {
  return !has_ends(device) && has_ends(link) && (device.id == link.from || device.id == link.to);
}

// "a=b" against "a>b" or "b>a"; of parallel cables both carry the same "#2".
bool is_direction_of(const Component& link, const Component& cable) {
  const auto number = [](const std::string& id) {
    const auto mark = id.find('#');
    return mark == std::string::npos ? std::string() : id.substr(mark);
  };
  return has_ends(link) && has_ends(cable) && cable.id.find('=') != std::string::npos &&
         std::minmax(link.from, link.to) == std::minmax(cable.from, cable.to) &&
         number(link.id) == number(cable.id);
}

}  // namespace

std::string_view to_string(State state) {
  switch (state) {
    case State::kPending:
      return "pending";
    case State::kOpen:
      return "open";
    case State::kAcknowledged:
      return "acknowledged";
    case State::kResolved:
      return "resolved";
  }
  return "unknown";
}

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
    case Severity::kCritical:
      return "critical";
  }
  return "unknown";
}

Severity severity_of(const Suspect& suspect) {
  if (suspect.severity) return *suspect.severity;
  const auto& fault_class = suspect.fault_class;
  if (fault_class == "sick_host" || fault_class == "congestion") return Severity::kWarning;
  if (fault_class == "blackhole" || fault_class == "mtu") return Severity::kError;
  if (fault_class == "down" || suspect.loss >= kCriticalLoss) return Severity::kCritical;
  return suspect.loss >= kErrorLoss ? Severity::kError : Severity::kWarning;
}

Component component_of(const Suspect& suspect) { return {suspect.id, suspect.from, suspect.to}; }

Component component_from_id(std::string_view id) {
  const auto mark = id.find_first_of(">=");
  if (mark == std::string_view::npos) return {std::string(id), {}, {}};
  const auto to = id.substr(mark + 1);
  return {std::string(id), std::string(id.substr(0, mark)),
          std::string(to.substr(0, to.find('#')))};
}

bool same_fault(const Component& left, const Component& right) {
  return left.id == right.id || is_end_of(left, right) || is_end_of(right, left) ||
         is_direction_of(left, right) || is_direction_of(right, left);
}

bool names(const Suspect& suspect, const Component& component) {
  return suspect.id == component.id ||
         std::ranges::find(suspect.ambiguous_with, component.id) != suspect.ambiguous_with.end();
}

bool is_dead(const Suspect& suspect) {
  return suspect.fault_class == "down" ||
         (suspect.fault_class == "loss" && suspect.loss >= kDeadLoss);
}

bool explains(const Suspect& parent, const Suspect& child) {
  if (parent.id == child.id || child.fault_class == "sick_host" || !is_dead(parent)) return false;
  return std::ranges::find(child.depends_on, parent.id) != child.depends_on.end();
}

}  // namespace faultline::incident
