#include "controller/localize/bundle.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "controller/localize/bundle_paths.h"

namespace faultline::localize {
namespace {

using Json = BundleJson;

constexpr std::string_view kSchema = "faultline.bundle/1";

enum class Record : std::uint8_t { kRead, kMisfit, kUnknown };

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

// kMisfit: its path does not lead from src to dst. That is not forbidden (a node may be named apart
// from the device its path begins at), but worth telling: src and dst may have been confused.
Result<Record> read_observation(ObservationSet& set, const Json& object) {
  if (!object.is_object()) return invalid("'obs' must be an object");
  FAULTLINE_TRY_STATUS(
      check_limit(set.observations().size() + 1, kBundleObservationsMax, "observations"));
  if (member(object, "sent") == nullptr) return invalid("'sent' is missing");
  Observation observation;
  FAULTLINE_TRY(const std::string_view src, required_text(object, "src"));
  FAULTLINE_TRY(const std::string_view dst, required_text(object, "dst"));
  FAULTLINE_TRY(observation.src, named_device(set, src));
  FAULTLINE_TRY(observation.dst, named_device(set, dst));
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
  FAULTLINE_TRY_STATUS(set.add(observation));
  const bool fits = joins(set, observation.forward, observation.src, observation.dst) &&
                    (observation.back == kNoRoute ||
                     joins(set, observation.back, observation.dst, observation.src));
  return fits ? Record::kRead : Record::kMisfit;
}

Status read_membership(ObservationSet& set, DeviceIndex device, const Json& labels, const char* key,
                       DeviceKind kind) {
  FAULTLINE_TRY(const std::string_view id, optional_text(labels, key));
  if (id.empty()) return {};
  FAULTLINE_TRY(const DeviceIndex container, named_device(set, id));
  if (container == device) {
    return invalid("the label '" + std::string(key) + "' names the device itself");
  }
  set.device(id, kind);
  set.put_in(device, container);
  return {};
}

Status read_device(ObservationSet& set, const Json& record) {
  FAULTLINE_TRY(const std::string_view id, required_text(record, "device"));
  FAULTLINE_TRY(const std::string_view kind, optional_text(record, "kind"));
  FAULTLINE_TRY(const std::string_view tier, optional_text(record, "tier"));
  const auto parsed = parse_device_kind(kind);
  FAULTLINE_TRY(const DeviceIndex index, named_device(set, id));
  // A kind of a later version of the format is a device like any other.
  set.device(set.at(index).id,
             kind.empty() ? DeviceKind::kUnknown : parsed.value_or(DeviceKind::kOther), tier);
  const Json* labels = member(record, "labels");
  if (labels == nullptr) return {};
  if (!labels->is_object()) return invalid("'labels' must be an object");
  FAULTLINE_TRY_STATUS(read_membership(set, index, *labels, "hypervisor", DeviceKind::kUnknown));
  return read_membership(set, index, *labels, "zone", DeviceKind::kZone);
}

Status read_link(ObservationSet& set, const Json& record) {
  FAULTLINE_TRY(const std::string_view id, required_text(record, "link"));
  FAULTLINE_TRY(const std::string_view from, required_text(record, "from"));
  FAULTLINE_TRY(const std::string_view to, required_text(record, "to"));
  FAULTLINE_TRY(const std::string_view tier, optional_text(record, "tier"));
  FAULTLINE_TRY(const std::uint64_t mtu, count(record, "mtu", 1 << 20));
  FAULTLINE_TRY(const DeviceIndex from_index, named_device(set, from));
  FAULTLINE_TRY(const DeviceIndex to_index, named_device(set, to));
  return declared_link(set, from_index, to_index,
                       {.id = id, .tier = tier, .mtu = static_cast<std::uint32_t>(mtu)})
      .map([](LinkIndex) {});
}

Status read_health(ObservationSet& set, const Json& record) {
  FAULTLINE_TRY(const std::string_view id, required_text(record, "probe_health"));
  FAULTLINE_TRY(const std::int64_t time_s, time(record));
  FAULTLINE_TRY_STATUS(
      check_limit(set.health().size() + 1, kBundleHealthMax, "probe_health records"));
  FAULTLINE_TRY(const DeviceIndex node, named_device(set, id));
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

Result<Record> read_record(ObservationSet& set, std::string_view line) {
  const Json record = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  if (record.is_discarded()) return invalid("this is not a JSON value");
  if (!record.is_object()) return invalid("a record must be a JSON object");
  if (const Json* obs = member(record, "obs")) return read_observation(set, *obs);
  const auto read = [](Status status) { return status.map([] { return Record::kRead; }); };
  if (record.contains("device")) return read(read_device(set, record));
  if (record.contains("link")) return read(read_link(set, record));
  if (record.contains("probe_health")) return read(read_health(set, record));
  if (record.contains("schema")) return read(read_schema(set, record));
  return Record::kUnknown;
}

// Rows that name a flow and a window which an earlier row named already, on the same route.
void find_repeated(const ObservationSet& set, BundleNotes& notes) {
  const auto& rows = set.observations();
  const auto key = [&](std::uint32_t i) {
    const Observation& row = rows[i];
    return std::tuple(row.flow, row.time_s, row.src, row.dst, row.forward, row.back, row.size,
                      row.dscp);
  };
  std::vector<std::uint32_t> named;
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    if (rows[i].flow != kNoFlow) named.push_back(i);
  }
  std::ranges::sort(named, {}, key);
  for (std::size_t i = 1; i < named.size(); ++i) {
    if (key(named[i]) != key(named[i - 1])) continue;
    const Observation& row = rows[named[i]];
    if (notes.repeated_windows++ == 0) {
      notes.repeated_flow = set.at(row.src).id + " to " + set.at(row.dst).id + ", flow " +
                            std::string(set.at(row.flow));
    }
  }
}

}  // namespace

Status BundleReader::read_line(std::string_view line) {
  ++line_;
  if (line.size() > kBundleLineBytesMax) {
    return fail(ErrorCode::kLimit, "line " + std::to_string(line_) + ": longer than " +
                                       std::to_string(kBundleLineBytesMax) + " bytes");
  }
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return {};
  const auto record = read_record(set_, line);
  if (!record) {
    return fail(record.error().code,
                "line " + std::to_string(line_) + ": " + record.error().context);
  }
  if (*record == Record::kUnknown) notes_.unknown_records.add(line_);
  if (*record == Record::kMisfit) notes_.other_ends.add(line_);
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
  find_repeated(set_, notes_);
  return std::move(set_);
}

Result<ObservationSet> read_bundle(std::string_view text) {
  BundleReader reader;
  FAULTLINE_TRY_STATUS(reader.feed(text));
  return reader.finish();
}

}  // namespace faultline::localize
