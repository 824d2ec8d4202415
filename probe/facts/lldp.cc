#include "probe/facts/lldp.h"

#include <functional>
#include <string>

#include <nlohmann/json.hpp>

namespace faultline::probe_facts {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kTextMax = 120;  // bytes
constexpr std::size_t kVlansMax = 128;

const Json& below(const Json& value, const char* key) {
  static const Json kNothing;
  if (!value.is_object()) return kNothing;
  const auto found = value.find(key);
  return found == value.end() ? kNothing : *found;
}

// lldpcli writes one of a kind as itself and several as a list.
void for_each(const Json& value, const std::function<void(const Json&)>& visit) {
  if (value.is_array()) {
    for (const auto& item : value) visit(item);
  } else if (!value.is_null()) {
    visit(value);
  }
}

// A text, or the `value` of {"type": "mac", "value": "..."}.
std::string text(const Json& value) {
  if (value.is_string()) return value.get<std::string>().substr(0, kTextMax);
  const auto& inner = below(value, "value");
  return inner.is_string() ? inner.get<std::string>().substr(0, kTextMax) : std::string();
}

// Numbers are written as texts.
std::optional<std::uint32_t> number(const Json& value) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() <= 0xffffffff) {
    return value.get<std::uint32_t>();
  }
  const auto digits = text(value);
  if (digits.empty() || digits.size() > 9 ||
      digits.find_first_not_of("0123456789") != std::string::npos) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(std::stoul(digits));
}

// {"switch1": {"id": ...}} is named by its key, {"id": ..., "name": ...} by its member.
std::string chassis_name(const Json& chassis) {
  if (!chassis.is_object()) return {};
  if (const auto name = text(below(chassis, "name")); !name.empty()) return name;
  if (chassis.contains("id")) return text(chassis["id"]);
  return chassis.empty() ? std::string() : chassis.begin().key().substr(0, kTextMax);
}

void read_vlan(const Json& json, facts::LldpNeighbor& neighbor) {
  const auto id = number(below(json, "vlan-id"));
  if (!id || *id > 4095 || neighbor.vlans.size() >= kVlansMax) return;
  neighbor.vlans.push_back(static_cast<std::uint16_t>(*id));
  const auto& native = below(json, "pvid");
  if ((native.is_boolean() && native.get<bool>()) || text(native) == "yes") {
    neighbor.native_vlan = static_cast<std::uint16_t>(*id);
  }
}

facts::LldpNeighbor read_neighbor(const std::string& interface, const Json& json) {
  const auto& port = below(json, "port");
  facts::LldpNeighbor neighbor{.interface = interface.substr(0, kTextMax),
                               .chassis = chassis_name(below(json, "chassis")),
                               .port = text(below(port, "id")),
                               .frame_max = number(below(port, "mfs"))};
  if (auto description = text(below(port, "descr")); !description.empty()) {
    // lldpd's own default: the port's id is its MAC address, which nobody calls it by.
    if (text(below(below(port, "id"), "type")) == "mac") neighbor.port = description;
    neighbor.description = std::move(description);
  }
  for_each(below(json, "vlan"), [&](const Json& vlan) { read_vlan(vlan, neighbor); });
  return neighbor;
}

}  // namespace

Result<std::vector<facts::LldpNeighbor>> parse_lldp(std::string_view json) {
  const auto document = Json::parse(json, nullptr, false);
  const auto& root = below(document, "lldp");
  if (!root.is_object()) return fail(ErrorCode::kInvalid, "lldpcli's answer is not its JSON");
  std::vector<facts::LldpNeighbor> neighbors;
  for_each(below(root, "interface"), [&](const Json& entry) {
    if (!entry.is_object()) return;
    for (const auto& [name, neighbor] : entry.items()) {
      if (neighbors.size() < facts::kLldpMax && neighbor.is_object()) {
        neighbors.push_back(read_neighbor(name, neighbor));
      }
    }
  });
  return neighbors;
}

}  // namespace faultline::probe_facts
