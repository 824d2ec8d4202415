#include "tests/bench/peers/encodings.h"

#include <array>
#include <bit>
#include <utility>

#include <fmt/format.h>
#include <snappy.h>

namespace faultline::bench {
namespace {

constexpr std::size_t kBodyBytesMax = 4U << 20;  // before compression

struct Field {
  std::string_view name;
  std::uint64_t (*value)(const FlowWindow&);
  bool is_delay = false;
};
constexpr std::array<Field, kFieldsPerFlow> kFields{{
    {"sent", [](const FlowWindow& flow) -> std::uint64_t { return flow.sent; }},
    {"lost_forward", [](const FlowWindow& flow) -> std::uint64_t { return flow.lost_forward; }},
    {"lost_return", [](const FlowWindow& flow) -> std::uint64_t { return flow.lost_return; }},
    {"lost_undetermined",
     [](const FlowWindow& flow) -> std::uint64_t { return flow.lost_undetermined; }},
    {"duplicated", [](const FlowWindow& flow) -> std::uint64_t { return flow.duplicated; }},
    {"reordered", [](const FlowWindow& flow) -> std::uint64_t { return flow.reordered; }},
    {"late", [](const FlowWindow& flow) -> std::uint64_t { return flow.late; }},
    {"rtt_min", [](const FlowWindow& flow) { return flow.rtt_min_ns; }, true},
    {"rtt_mean", [](const FlowWindow& flow) { return flow.rtt_mean_ns; }, true},
    {"rtt_max", [](const FlowWindow& flow) { return flow.rtt_max_ns; }, true},
}};

std::int64_t milliseconds(WallTime time) { return unix_nanoseconds(time) / 1'000'000; }

double value_of(const Field& field, const FlowWindow& flow, Unit unit) {
  const auto value = static_cast<double>(field.value(flow));
  return field.is_delay && unit == Unit::kSeconds ? value / 1e9 : value;
}

// Protobuf (encoding.proto of Prometheus: WriteRequest, TimeSeries, Label, Sample).
void put_varint(std::string& bytes, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>((value & 0x7f) | 0x80));
  bytes.push_back(static_cast<char>(value));
}
void put_bytes(std::string& bytes, char tag, std::string_view value) {
  bytes.push_back(tag);
  put_varint(bytes, value.size());
  bytes.append(value);
}
constexpr char kFirstBytes = 0x0a;   // field 1, bytes
constexpr char kSecondBytes = 0x12;  // field 2, bytes
constexpr char kFirstDouble = 0x09;
constexpr char kSecondVarint = 0x10;

void put_label(std::string& series, std::string_view name, std::string_view value) {
  std::string label;
  put_bytes(label, kFirstBytes, name);
  put_bytes(label, kSecondBytes, value);
  put_bytes(series, kFirstBytes, label);
}

void put_sample(std::string& series, double value, std::int64_t milliseconds) {
  std::string sample(1, kFirstDouble);
  const auto bits = std::bit_cast<std::array<char, 8>>(value);
  sample.append(bits.data(), bits.size());
  sample.push_back(kSecondVarint);
  put_varint(sample, static_cast<std::uint64_t>(milliseconds));
  put_bytes(series, kSecondBytes, sample);
}

}  // namespace

void Encoder::add(NodeId source, WallTime start, const FlowWindow& flow) {
  const auto is = [&](const Flow& known) {
    return known.source == source && known.target == flow.target && known.port == flow.source_port;
  };
  if (at_ < flows_.size() && !is(flows_[at_])) at_ = 0;
  if (at_ == flows_.size() && !flows_.empty() && is(flows_.front())) at_ = 0;
  if (at_ == flows_.size()) flows_.push_back({source, flow.target, flow.source_port});
  flows_[at_++].windows.emplace_back(milliseconds(start), flow);
}

std::string Encoder::remote_write(const Flow& flow) const {
  std::string request;
  for (const Field& field : kFields) {
    std::string series;  // labels in the order of their names
    put_label(series, "__name__", fmt::format("faultline_{}", field.name));
    put_label(series, "port", std::to_string(flow.port));
    put_label(series, "source", fmt::format("node{}", flow.source.value()));
    put_label(series, "target", fmt::format("node{}", flow.target.value()));
    for (const auto& [time, window] : flow.windows) {
      put_sample(series, value_of(field, window, unit_), time);
    }
    put_bytes(request, kFirstBytes, series);
  }
  return request;
}

std::string Encoder::csv(const Flow& flow) const {
  std::string lines;
  for (const auto& [time, window] : flow.windows) {
    lines += fmt::format("node{},node{},{},{}", flow.source.value(), flow.target.value(), flow.port,
                         time);
    for (const Field& field : kFields) lines += fmt::format(",{}", value_of(field, window, unit_));
    lines += '\n';
  }
  return lines;
}

std::string Encoder::json_lines(const Flow& flow) const {
  std::string lines;
  for (const Field& field : kFields) {
    lines += fmt::format(
        R"({{"metric":{{"__name__":"faultline_{}","source":"node{}","target":"node{}","port":"{}"}})",
        field.name, flow.source.value(), flow.target.value(), flow.port);
    std::string values;
    std::string times;
    for (const auto& [time, window] : flow.windows) {
      const std::string_view comma = values.empty() ? "" : ",";
      values += fmt::format("{}{}", comma, value_of(field, window, unit_));
      times += fmt::format("{}{}", comma, time);
    }
    lines += fmt::format(R"(,"values":[{}],"timestamps":[{}]}})", values, times) + '\n';
  }
  return lines;
}

std::string Encoder::encode(const Flow& flow) const {
  switch (encoding_) {
    case Encoding::kRemoteWrite:
      return remote_write(flow);
    case Encoding::kCsv:
      return csv(flow);
    case Encoding::kJsonLines:
      return json_lines(flow);
  }
  return {};
}

std::vector<std::string> Encoder::finish() {
  std::vector<std::string> bodies;
  std::string body;
  const auto end_body = [&] {
    if (body.empty()) return;
    if (encoding_ == Encoding::kRemoteWrite) {
      std::string packed;
      snappy::Compress(body.data(), body.size(), &packed);
      body = std::move(packed);
    }
    bodies.push_back(std::exchange(body, {}));
  };
  for (Flow& flow : flows_) {
    if (flow.windows.empty()) continue;
    body += encode(flow);
    flow.windows.clear();
    if (body.size() >= kBodyBytesMax) end_body();
  }
  end_body();
  at_ = 0;
  return bodies;
}

Endpoint endpoint_of(Encoding encoding, std::string_view remote_write_path) {
  switch (encoding) {
    case Encoding::kRemoteWrite:
      return {std::string(remote_write_path),
              {"Content-Type: application/x-protobuf", "Content-Encoding: snappy",
               "X-Prometheus-Remote-Write-Version: 0.1.0"}};
    case Encoding::kCsv: {
      std::string format = "1:label:source,2:label:target,3:label:port,4:time:unix_ms";
      for (std::size_t i = 0; i < kFields.size(); ++i) {
        format += fmt::format(",{}:metric:faultline_{}", i + 5, kFields[i].name);
      }
      return {"/api/v1/import/csv?format=" + format, {}};
    }
    case Encoding::kJsonLines:
      return {"/api/v1/import", {}};
  }
  return {};
}

}  // namespace faultline::bench
