#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "controller/localize/bundle.h"

namespace faultline::localize {
namespace {

using Json = nlohmann::ordered_json;

bool put_line(const Json& record, const BundleLineSink& write) {
  // Ids are bytes of somebody else's making: what is not UTF-8 is replaced, never thrown at the
  // caller.
  return write(record.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

// Whether each link is the one that "from>to" in a list of devices would name.
bool is_plain(const ObservationSet& set, PathIndex path) {
  for (const LinkIndex index : set.at(path)) {
    const Link& link = set.at(index);
    if (link.id != set.at(link.from).id + ">" + set.at(link.to).id) return false;
  }
  return true;
}

void put_path(Json& object, const ObservationSet& set, PathIndex path, const std::string& suffix) {
  Json list = Json::array();
  const bool plain = is_plain(set, path);
  if (plain) list.push_back(set.at(set.at(set.at(path).front()).from).id);
  for (const LinkIndex index : set.at(path)) {
    list.push_back(plain ? set.at(set.at(index).to).id : set.at(index).id);
  }
  object[(plain ? "path" : "links") + suffix] = std::move(list);
}

void put_route(Json& object, const ObservationSet& set, RouteIndex route,
               const std::string& suffix) {
  const auto candidates = set.at(route);
  if (candidates.size() == 1) return put_path(object, set, candidates.front().path, suffix);
  Json list = Json::array();
  for (const WeightedPath& candidate : candidates) {
    Json entry;
    entry["w"] = candidate.weight;
    put_path(entry, set, candidate.path, "");
    list.push_back(std::move(entry));
  }
  object["paths" + suffix] = std::move(list);
}

void put_delay(Json& object, const Delay& delay) {
  Json values = Json::object();
  const auto put = [&](const char* key, float value) {
    if (!std::isnan(value)) values[key] = value;
  };
  put("p50", delay.p50_us);
  put("p95", delay.p95_us);
  put("p99", delay.p99_us);
  put("min", delay.min_us);
  object["delay_us"] = std::move(values);
}

Json observation_json(const ObservationSet& set, const Observation& observation) {
  Json object;
  object["src"] = set.at(observation.src).id;
  object["dst"] = set.at(observation.dst).id;
  if (observation.time_s != kNoTime) object["t"] = observation.time_s;
  put_route(object, set, observation.forward, "");
  if (observation.back != kNoRoute) put_route(object, set, observation.back, "_back");
  object["sent"] = observation.sent;
  object["lost"] = observation.lost;
  if (observation.flow != kNoFlow) object["flow"] = set.at(observation.flow);
  if (observation.size != 0) object["size"] = observation.size;
  if (observation.dscp >= 0) object["dscp"] = observation.dscp;
  if (observation.delay != 0) put_delay(object, set.delay(observation.delay));
  if (observation.late != 0) object["late"] = observation.late;
  if (observation.duplicated != 0) object["dup"] = observation.duplicated;
  if (observation.reordered != 0) object["reordered"] = observation.reordered;
  return object;
}

bool write_devices(const ObservationSet& set, const BundleLineSink& write) {
  std::map<DeviceIndex, Json> labels;
  for (const Membership& it : set.memberships()) {
    const Device& container = set.at(it.container);
    labels[it.member][container.kind == DeviceKind::kZone ? "zone" : "hypervisor"] = container.id;
  }
  for (std::uint32_t i = 0; i < set.devices().size(); ++i) {
    const Device& device = set.devices()[i];
    const auto label = labels.find(DeviceIndex{i});
    const bool plain = device.kind == DeviceKind::kUnknown && device.tier.empty();
    if (plain && label == labels.end()) continue;
    Json record;
    record["device"] = device.id;
    if (device.kind != DeviceKind::kUnknown) record["kind"] = to_string(device.kind);
    if (!device.tier.empty()) record["tier"] = device.tier;
    if (label != labels.end()) record["labels"] = label->second;
    if (!put_line(record, write)) return false;
  }
  return true;
}

bool write_links(const ObservationSet& set, const BundleLineSink& write) {
  for (const Link& link : set.links()) {
    if (!link.declared) continue;
    Json record;
    record["link"] = link.id;
    record["from"] = set.at(link.from).id;
    record["to"] = set.at(link.to).id;
    if (!link.tier.empty()) record["tier"] = link.tier;
    if (link.mtu != 0) record["mtu"] = link.mtu;
    if (!put_line(record, write)) return false;
  }
  return true;
}

bool write_health(const ObservationSet& set, const BundleLineSink& write) {
  for (const ProbeHealth& health : set.health()) {
    Json record;
    record["probe_health"] = set.at(health.node).id;
    if (health.time_s != kNoTime) record["t"] = health.time_s;
    record["sick"] = health.sick;
    if (!health.why.empty()) record["why"] = health.why;
    if (!put_line(record, write)) return false;
  }
  return true;
}

}  // namespace

void write_bundle(const ObservationSet& set, std::string_view made_by,
                  const BundleLineSink& write) {
  Json header;
  header["schema"] = "faultline.bundle/1";
  header["made_by"] = made_by;
  header["window_s"] = set.window_s();
  if (!put_line(header, write) || !write_devices(set, write) || !write_links(set, write) ||
      !write_health(set, write)) {
    return;
  }
  for (const Observation& observation : set.observations()) {
    if (!put_line(Json{{"obs", observation_json(set, observation)}}, write)) return;
  }
}

}  // namespace faultline::localize
