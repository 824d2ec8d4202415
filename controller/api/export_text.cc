#include "controller/api/export_text.h"

#include <concepts>
#include <iterator>
#include <optional>

#include <fmt/format.h>

namespace faultline::api {
namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::optional<double> microseconds(const FlowWindow& flow, std::uint64_t nanoseconds) {
  if (flow.answered() == 0) return std::nullopt;
  return static_cast<double>(nanoseconds) / 1000;
}

// The members of a row, in order: `put(name, value)`.
template <typename Put>
void visit(const ExportedFlow& row, Put put) {
  const FlowWindow& flow = row.flow;
  put("window_start", format_rfc3339(row.start));
  put("window_s", seconds(row.window));
  put("source", row.source);
  put("target", row.target);
  put("source_port", flow.source_port);
  put("dscp", flow.dscp);
  put("size", flow.size);
  put("sent", flow.sent);
  put("lost_forward", flow.lost_forward);
  put("lost_return", flow.lost_return);
  put("lost_undetermined", flow.lost_undetermined);
  put("duplicated", flow.duplicated);
  put("reordered", flow.reordered);
  put("late", flow.late);
  put("rtt_min_us", microseconds(flow, flow.rtt_min_ns));
  put("rtt_mean_us", microseconds(flow, flow.rtt_mean_ns));
  put("rtt_max_us", microseconds(flow, flow.rtt_max_ns));
}

template <typename Put>
void visit(const ExportedSum& sum, Put put) {
  const Measured& measured = sum.row.measured;
  put("window_start", format_rfc3339(sum.row.window_start));
  put("window_s", seconds(sum.step));
  put("source", sum.source);
  put("target", sum.target);
  put("flow_windows", sum.row.flows);
  put("sent", measured.sent);
  put("lost_forward", measured.lost_forward);
  put("lost_return", measured.lost_return);
  put("lost_undetermined", measured.lost_undetermined);
  put("rtt_min_us", measured.rtt_min_us);
  put("rtt_mean_us", measured.rtt_mean_us);
  put("rtt_p50_us", sum.row.rtt_p50_us);
  put("rtt_p99_us", sum.row.rtt_p99_us);
  put("rtt_max_us", measured.rtt_max_us);
}

using Out = std::back_insert_iterator<std::string>;

template <typename Value>
void put_value(Out out, const Value& value, std::string_view quote, std::string_view absent) {
  if constexpr (std::convertible_to<Value, std::string_view>) {
    fmt::format_to(out, "{}{}{}", quote, value, quote);
  } else if constexpr (std::same_as<Value, std::optional<double>>) {
    value ? fmt::format_to(out, "{}", *value) : fmt::format_to(out, "{}", absent);
  } else {
    fmt::format_to(out, "{}", value);
  }
}

template <typename Row>
std::string names_of(const Row& row) {
  std::string names;
  visit(row, [&](std::string_view name, const auto&) {
    if (!names.empty()) names += ',';
    names += name;
  });
  return names + '\n';
}

}  // namespace

std::string ExportText::head(ExportRows rows) const {
  if (format_ == ExportFormat::kJsonLines) return {};
  if (rows == ExportRows::kWindows) return names_of(ExportedFlow{{}, {}, {}, {}, FlowWindow{}});
  return names_of(ExportedSum{{}, {}, {}, HistoryRow{}});
}

template <typename Row>
void ExportText::append_row(std::string& text, const Row& row) const {
  const bool is_csv = format_ == ExportFormat::kCsv;
  bool is_first = true;
  const Out out(text);
  visit(row, [&](std::string_view name, const auto& value) {
    const char before = is_first && !is_csv ? '{' : ',';
    if (!is_csv || !is_first) text += before;
    is_first = false;
    if (is_csv) {
      put_value(out, value, "", "");
    } else {
      fmt::format_to(out, "\"{}\":", name);
      put_value(out, value, "\"", "null");
    }
  });
  text += is_csv ? "\n" : "}\n";
}

void ExportText::append(std::string& text, const ExportedFlow& flow) const {
  append_row(text, flow);
}

void ExportText::append(std::string& text, const ExportedSum& sum) const { append_row(text, sum); }

}  // namespace faultline::api
