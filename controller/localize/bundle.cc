#include "controller/localize/bundle.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace faultline::localize {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kSchema = "faultline.bundle/1";
constexpr double kTimeMax = 1e11;  // seconds; the year 5138

tl::unexpected<Error> invalid(std::string context) {
  return fail(ErrorCode::kInvalid, std::move(context));
}

const Json* member(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

Result<std::string_view> text(const Json& value, const char* what) {
  const auto* string = value.get_ptr<const std::string*>();
  if (string == nullptr || string->empty()) {
    return invalid(std::string(what) + " must be a text that is not empty");
  }
  if (string->size() > kBundleIdBytesMax) {
    return fail(ErrorCode::kLimit, std::string(what) + " is longer than " +
                                       std::to_string(kBundleIdBytesMax) + " bytes");
  }
  return std::string_view(*string);
}

Result<std::string_view> required_text(const Json& object, const char* key) {
  const Json* value = member(object, key);
  if (value == nullptr) return invalid("'" + std::string(key) + "' is missing");
  return text(*value, key);
}

Result<std::string_view> optional_text(const Json& object, const char* key) {
  const Json* value = member(object, key);
  if (value == nullptr) return std::string_view{};
  return text(*value, key);
}

// A whole number from 0 to `max`; accepts 12.0, as some writers print it.
Result<std::uint64_t> count(const Json& object, const char* key, std::uint64_t max) {
  const Json* value = member(object, key);
  if (value == nullptr) return 0;
  const double number = value->is_number() ? value->get<double>() : -1;
  if (!(number >= 0 && number <= static_cast<double>(max)) || number != std::floor(number)) {
    return invalid("'" + std::string(key) + "' must be a whole number from 0 to " +
                   std::to_string(max));
  }
  return static_cast<std::uint64_t>(number);
}

Result<std::int64_t> time(const Json& object) {
  const Json* value = member(object, "t");
  if (value == nullptr) return kNoTime;
  const double number = value->is_number() ? value->get<double>() : -1;
  if (!(number >= 0 && number <= kTimeMax)) return invalid("'t' must be seconds since the epoch");
  return static_cast<std::int64_t>(std::floor(number));
}

Result<DeviceIndex> device(ObservationSet& set, std::string_view id) {
  const DeviceIndex index = set.device(id);
  if (set.devices().size() > kBundleDevicesMax) {
    return fail(ErrorCode::kLimit, "more than " + std::to_string(kBundleDevicesMax) + " devices");
  }
  return index;
}

Status check_links(const ObservationSet& set) {
  if (set.links().size() <= kBundleLinksMax) return {};
  return fail(ErrorCode::kLimit, "more than " + std::to_string(kBundleLinksMax) + " links");
}

Status check_hops(const Json& list, std::size_t min) {
  if (!list.is_array() || list.size() < min) {
    return invalid("a path must be a list of at least " + std::to_string(min) + " ids");
  }
  if (list.size() > kBundlePathHopsMax) {
    return fail(ErrorCode::kLimit,
                "a path has more than " + std::to_string(kBundlePathHopsMax) + " hops");
  }
  return {};
}

Result<PathIndex> path_of_devices(ObservationSet& set, const Json& list) {
  FAULTLINE_TRY_STATUS(check_hops(list, 2));
  std::vector<DeviceIndex> hops;
  hops.reserve(list.size());
  for (const Json& hop : list) {
    FAULTLINE_TRY(const std::string_view id, text(hop, "a hop"));
    FAULTLINE_TRY(const DeviceIndex index, device(set, id));
    hops.push_back(index);
  }
  if (hops.front() == kSilentHop || hops.back() == kSilentHop) {
    return invalid("a path must not begin or end with a silent hop");
  }
  const PathIndex path = set.path(hops);
  FAULTLINE_TRY_STATUS(check_links(set));
  return path;
}

// A link that no record declared may be named "a>b" or "a>b#2".
Result<LinkIndex> link_by_id(ObservationSet& set, std::string_view id) {
  if (const auto known = set.find_link(id)) return *known;
  const std::size_t arrow = id.find('>');
  const std::size_t mark = id.rfind('#');
  const std::size_t end = mark == std::string_view::npos || mark < arrow ? id.size() : mark;
  if (arrow == std::string_view::npos || arrow == 0 || arrow + 1 >= end) {
    return invalid("link '" + std::string(id) + "' is neither declared nor of the form a>b");
  }
  FAULTLINE_TRY(const DeviceIndex from, device(set, id.substr(0, arrow)));
  FAULTLINE_TRY(const DeviceIndex to, device(set, id.substr(arrow + 1, end - arrow - 1)));
  FAULTLINE_TRY_STATUS(check_links(set));
  return set.link(from, to, {.id = id});
}

Result<PathIndex> path_of_links(ObservationSet& set, const Json& list) {
  FAULTLINE_TRY_STATUS(check_hops(list, 1));
  std::vector<LinkIndex> links;
  links.reserve(list.size());
  for (const Json& hop : list) {
    FAULTLINE_TRY(const std::string_view id, text(hop, "a link"));
    FAULTLINE_TRY(const LinkIndex index, link_by_id(set, id));
    if (!links.empty() && set.at(links.back()).to != set.at(index).from) {
      return invalid("link '" + std::string(id) + "' does not begin where '" +
                     set.at(links.back()).id + "' ends");
    }
    links.push_back(index);
  }
  return set.path_of_links(links);
}

Result<RouteIndex> candidates(ObservationSet& set, const Json& list) {
  if (!list.is_array() || list.empty()) return invalid("'paths' must be a list of candidates");
  if (list.size() > kBundleCandidatesMax) {
    return fail(ErrorCode::kLimit,
                "more than " + std::to_string(kBundleCandidatesMax) + " candidate paths");
  }
  std::vector<WeightedPath> paths;
  paths.reserve(list.size());
  for (const Json& entry : list) {
    if (!entry.is_object()) return invalid("a candidate path must be an object");
    const Json* weight = member(entry, "w");
    const Json* path = member(entry, "path");
    const Json* links = member(entry, "links");
    if (weight != nullptr && !(weight->is_number() && weight->get<double>() > 0)) {
      return invalid("'w' must be a positive number");
    }
    if ((path != nullptr) == (links != nullptr)) {
      return invalid("a candidate needs exactly one of 'path' and 'links'");
    }
    FAULTLINE_TRY(const PathIndex index,
                  path != nullptr ? path_of_devices(set, *path) : path_of_links(set, *links));
    paths.push_back({weight == nullptr ? 1.0 : weight->get<double>(), index});
  }
  return set.route(paths);
}

struct RouteKeys {
  const char* path;
  const char* links;
  const char* paths;
};
constexpr RouteKeys kForwardKeys{"path", "links", "paths"};
constexpr RouteKeys kBackKeys{"path_back", "links_back", "paths_back"};

// kNoRoute when none of the keys is there.
Result<RouteIndex> route(ObservationSet& set, const Json& object, const RouteKeys& keys) {
  const Json* path = member(object, keys.path);
  const Json* links = member(object, keys.links);
  const Json* paths = member(object, keys.paths);
  const int given = (path != nullptr) + (links != nullptr) + (paths != nullptr);
  if (given == 0) return kNoRoute;
  if (given > 1) {
    return invalid("only one of '" + std::string(keys.path) + "', '" + keys.links + "' and '" +
                   keys.paths + "' may be given");
  }
  if (paths != nullptr) return candidates(set, *paths);
  FAULTLINE_TRY(const PathIndex index,
                path != nullptr ? path_of_devices(set, *path) : path_of_links(set, *links));
  return set.route(index);
}

float number_or_nan(const Json& object, const char* key) {
  const Json* value = member(object, key);
  return value != nullptr && value->is_number() ? value->get<float>()
                                                : std::numeric_limits<float>::quiet_NaN();
}

Status read_flow(ObservationSet& set, const Json& object, Observation& observation) {
  constexpr std::uint64_t kCountMax = std::numeric_limits<std::uint32_t>::max();
  FAULTLINE_TRY(const std::string_view flow, optional_text(object, "flow"));
  FAULTLINE_TRY(const std::uint64_t size, count(object, "size", 1 << 20));
  FAULTLINE_TRY(const std::uint64_t dscp, count(object, "dscp", 63));
  FAULTLINE_TRY(const std::uint64_t late, count(object, "late", kCountMax));
  FAULTLINE_TRY(const std::uint64_t duplicated, count(object, "dup", kCountMax));
  FAULTLINE_TRY(const std::uint64_t reordered, count(object, "reordered", kCountMax));
  observation.flow = set.flow(flow);
  observation.size = static_cast<std::uint32_t>(size);
  if (member(object, "dscp") != nullptr) observation.dscp = static_cast<std::int16_t>(dscp);
  observation.late = static_cast<std::uint32_t>(late);
  observation.duplicated = static_cast<std::uint32_t>(duplicated);
  observation.reordered = static_cast<std::uint32_t>(reordered);
  if (const Json* delay = member(object, "delay_us"); delay != nullptr && delay->is_object()) {
    observation.delay = set.add_delay({number_or_nan(*delay, "p50"), number_or_nan(*delay, "p95"),
                                       number_or_nan(*delay, "p99"), number_or_nan(*delay, "min")});
  }
  return {};
}

Status read_observation(ObservationSet& set, const Json& object) {
  if (!object.is_object()) return invalid("'obs' must be an object");
  if (set.observations().size() >= kBundleObservationsMax) {
    return fail(ErrorCode::kLimit,
                "more than " + std::to_string(kBundleObservationsMax) + " observations");
  }
  if (member(object, "sent") == nullptr) return invalid("'sent' is missing");
  Observation observation;
  FAULTLINE_TRY(const std::string_view src, required_text(object, "src"));
  FAULTLINE_TRY(const std::string_view dst, required_text(object, "dst"));
  FAULTLINE_TRY(observation.src, device(set, src));
  FAULTLINE_TRY(observation.dst, device(set, dst));
  FAULTLINE_TRY(observation.sent, count(object, "sent", kBundlePacketsMax));
  FAULTLINE_TRY(observation.lost, count(object, "lost", kBundlePacketsMax));
  FAULTLINE_TRY(observation.time_s, time(object));
  FAULTLINE_TRY(observation.forward, route(set, object, kForwardKeys));
  FAULTLINE_TRY(observation.back, route(set, object, kBackKeys));
  if (observation.lost > observation.sent) return invalid("'lost' is greater than 'sent'");
  if (observation.forward == kNoRoute) {
    return invalid("one of 'path', 'links' and 'paths' is needed");
  }
  FAULTLINE_TRY_STATUS(read_flow(set, object, observation));
  return set.add(observation);
}

Status read_device(ObservationSet& set, const Json& record) {
  FAULTLINE_TRY(const std::string_view id, required_text(record, "device"));
  FAULTLINE_TRY(const std::string_view kind, optional_text(record, "kind"));
  FAULTLINE_TRY(const std::string_view tier, optional_text(record, "tier"));
  if (id == "*") return invalid("a device must not be called '*'");
  const auto parsed = parse_device_kind(kind);
  FAULTLINE_TRY(const DeviceIndex index, device(set, id));
  // A kind of a later version of the format is a device like any other.
  set.device(set.at(index).id,
             kind.empty() ? DeviceKind::kUnknown : parsed.value_or(DeviceKind::kOther), tier);
  return {};
}

Status read_link(ObservationSet& set, const Json& record) {
  FAULTLINE_TRY(const std::string_view id, required_text(record, "link"));
  FAULTLINE_TRY(const std::string_view from, required_text(record, "from"));
  FAULTLINE_TRY(const std::string_view to, required_text(record, "to"));
  FAULTLINE_TRY(const std::string_view tier, optional_text(record, "tier"));
  FAULTLINE_TRY(const std::uint64_t mtu, count(record, "mtu", 1 << 20));
  if (from == "*" || to == "*") return invalid("a link must not end at a silent hop");
  FAULTLINE_TRY(const DeviceIndex from_index, device(set, from));
  FAULTLINE_TRY(const DeviceIndex to_index, device(set, to));
  FAULTLINE_TRY(const LinkIndex link,
                set.link(from_index, to_index,
                         {.id = id, .tier = tier, .mtu = static_cast<std::uint32_t>(mtu)}));
  static_cast<void>(link);
  return check_links(set);
}

Status read_health(ObservationSet& set, const Json& record) {
  FAULTLINE_TRY(const std::string_view id, required_text(record, "probe_health"));
  FAULTLINE_TRY(const std::int64_t time_s, time(record));
  FAULTLINE_TRY(const DeviceIndex node, device(set, id));
  const Json* sick = member(record, "sick");
  const double value = sick != nullptr && sick->is_number() ? sick->get<double>() : -1;
  if (!(value >= 0 && value <= 1)) return invalid("'sick' must be a number from 0 to 1");
  FAULTLINE_TRY(const std::string_view why, optional_text(record, "why"));
  set.add_health({node, time_s, value, std::string(why)});
  return {};
}

Status read_schema(ObservationSet& set, const Json& record) {
  FAULTLINE_TRY(const std::string_view schema, required_text(record, "schema"));
  if (schema != kSchema) {
    return fail(ErrorCode::kUnsupported,
                "schema '" + std::string(schema) + "' is not '" + std::string(kSchema) + "'");
  }
  FAULTLINE_TRY(const std::uint64_t window, count(record, "window_s", 86'400));
  if (window > 0) set.set_window_s(static_cast<std::uint32_t>(window));
  return {};
}

// Whether the record is of a known kind. Foreign exceptions end here.
Result<bool> read_record(ObservationSet& set, std::string_view line) {
  const Json record = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  if (record.is_discarded()) return invalid("this is not a JSON value");
  if (!record.is_object()) return invalid("a record must be a JSON object");
  Status status;
  if (const Json* obs = member(record, "obs")) {
    status = read_observation(set, *obs);
  } else if (record.contains("device")) {
    status = read_device(set, record);
  } else if (record.contains("link")) {
    status = read_link(set, record);
  } else if (record.contains("probe_health")) {
    status = read_health(set, record);
  } else if (record.contains("schema")) {
    status = read_schema(set, record);
  } else {
    return false;
  }
  if (!status) return tl::unexpected<Error>(std::move(status).error());
  return true;
}

}  // namespace

Status BundleReader::read_line(std::string_view line) {
  ++line_;
  if (line.size() > kBundleLineBytesMax) {
    return fail(ErrorCode::kLimit, "line " + std::to_string(line_) + ": longer than " +
                                       std::to_string(kBundleLineBytesMax) + " bytes");
  }
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return {};
  auto known = read_record(set_, line);
  if (!known) {
    return fail(known.error().code, "line " + std::to_string(line_) + ": " + known.error().context);
  }
  if (!*known) ++unknown_records_;
  return {};
}

Status BundleReader::feed(std::string_view chunk) {
  for (;;) {
    const std::size_t end = chunk.find('\n');
    if (end == std::string_view::npos) break;
    if (partial_.empty()) {
      FAULTLINE_TRY_STATUS(read_line(chunk.substr(0, end)));
    } else {
      partial_.append(chunk.substr(0, end));
      FAULTLINE_TRY_STATUS(read_line(partial_));
      partial_.clear();
    }
    chunk.remove_prefix(end + 1);
  }
  partial_.append(chunk);
  if (partial_.size() > kBundleLineBytesMax) return read_line(partial_);
  return {};
}

Result<ObservationSet> BundleReader::finish() {
  if (!partial_.empty()) {
    FAULTLINE_TRY_STATUS(read_line(partial_));
    partial_.clear();
  }
  return std::move(set_);
}

Result<ObservationSet> read_bundle(std::string_view text) {
  BundleReader reader;
  FAULTLINE_TRY_STATUS(reader.feed(text));
  return reader.finish();
}

}  // namespace faultline::localize
