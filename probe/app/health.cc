#include "probe/app/health.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/config/document.h"

namespace faultline::probe_app {
namespace {

using std::chrono::seconds;

std::string json_text(std::string_view text) {
  std::string result = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\\') result += '\\';
    // No text of a record holds a control character; a file that does must still be one line.
    result += static_cast<unsigned char>(character) < 0x20 ? ' ' : character;
  }
  return result + '"';
}

std::string ago(WallTime then, WallTime now) {
  return format_duration(std::max<Duration>(std::chrono::floor<seconds>(now - then), seconds{0}));
}

void read_time(config::Section& root, std::string_view key, WallTime& time) {
  std::string text;
  root.text(key, text);
  if (text.empty()) return;
  if (const auto parsed = parse_rfc3339(text)) {
    time = *parsed;
  } else {
    root.error(key, "is not a time");
  }
}

std::string who(const HealthRecord& record) {
  return fmt::format("node {} \"{}\"", record.node, record.name);
}

// Why it cannot be healthy, whatever it measures; empty: it may be.
std::string trouble(const HealthRecord& record, WallTime now, bool process_lives) {
  const auto age = now - record.written_at;
  if (!process_lives) {
    return fmt::format("faultline-probe does not run: process {} wrote last at {} and is gone",
                       record.pid, format_rfc3339(std::chrono::floor<seconds>(record.written_at)));
  }
  if (age > kHealthAgeMax || age < -kHealthAgeMax) {
    return fmt::format("process {} has not written its state for {}: it hangs, or its disk does",
                       record.pid, ago(record.written_at, now));
  }
  if (!record.stuck.empty()) return fmt::format("stuck: {}", record.stuck);
  if (record.node == 0) {
    return fmt::format("has not joined for {}: is its controller reachable, and its token valid?",
                       ago(record.started_at, now));
  }
  const auto link = record.welcomed
                        ? std::string("welcomed")
                        : fmt::format("without a controller for {}", ago(record.link_since, now));
  if (record.plan_revision == 0) {
    return fmt::format("{} has no plan yet, {}", who(record), link);
  }
  if (!record.measuring || !record.lease_end || now >= *record.lease_end) {
    return fmt::format("{} measures nothing: the lease of plan {} has ended, {}", who(record),
                       record.plan_revision, link);
  }
  return {};
}

}  // namespace

std::string to_json(const HealthRecord& record) {
  std::string json = R"({"schema": "faultline.probe_health/1")";
  const auto add = [&json](std::string_view key, const auto& value) {
    json += fmt::format(", \"{}\": {}", key, value);
  };
  const auto time = [](WallTime at) { return json_text(format_rfc3339(at)); };
  add("written_at", time(record.written_at));
  add("started_at", time(record.started_at));
  add("pid", record.pid);
  add("software", json_text(record.software));
  add("node", record.node);
  add("name", json_text(record.name));
  add("welcomed", record.welcomed);
  add("link_since", time(record.link_since));
  add("plan_revision", record.plan_revision);
  add("sessions", record.sessions);
  add("measuring", record.measuring);
  if (record.lease_end) add("lease_end", time(*record.lease_end));
  add("windows", record.windows);
  add("spool_batches", record.spool_batches);
  add("spool_bytes", record.spool_bytes);
  add("results_dropped", record.results_dropped);
  if (!record.stuck.empty()) add("stuck", json_text(record.stuck));
  return json + "}\n";
}

Result<HealthRecord> parse_health(std::string_view json, std::string name) {
  // JSON is YAML, and the probe has a reader for that.
  FAULTLINE_TRY(auto document, config::Document::parse(json, std::move(name)));
  auto root = document.root();
  HealthRecord record;
  std::string schema;
  root.required("schema").text("schema", schema);
  read_time(root.required("written_at"), "written_at", record.written_at);
  read_time(root, "started_at", record.started_at);
  root.required("pid").integer("pid", record.pid, std::int64_t{1});
  root.text("software", record.software);
  root.integer("node", record.node);
  root.text("name", record.name);
  root.boolean("welcomed", record.welcomed);
  read_time(root, "link_since", record.link_since);
  const auto count = [&root](std::string_view key, std::uint64_t& value) {
    std::int64_t number = 0;
    root.integer(key, number, std::int64_t{0});
    value = static_cast<std::uint64_t>(number);
  };
  count("plan_revision", record.plan_revision);
  count("sessions", record.sessions);
  root.boolean("measuring", record.measuring);
  WallTime lease_end{};
  read_time(root, "lease_end", lease_end);
  if (lease_end != WallTime{}) record.lease_end = lease_end;
  count("windows", record.windows);
  count("spool_batches", record.spool_batches);
  count("spool_bytes", record.spool_bytes);
  count("results_dropped", record.results_dropped);
  root.text("stuck", record.stuck);
  FAULTLINE_TRY_STATUS(document.finish());
  return record;
}

HealthVerdict judge(const HealthRecord& record, WallTime now, bool process_lives) {
  if (auto why = trouble(record, now, process_lives); !why.empty()) {
    return {.healthy = false, .measuring = false, .text = "not healthy: " + why};
  }
  HealthVerdict verdict{.healthy = true, .measuring = false, .text = {}};
  const auto what = fmt::format("{} measures {} sessions by plan {}", who(record), record.sessions,
                                record.plan_revision);
  if (record.welcomed) {
    verdict.measuring = record.windows > 0 || record.sessions == 0;
    verdict.text =
        fmt::format("healthy: {}{}", what, verdict.measuring ? "" : ", first window not yet over");
  } else {
    verdict.text = fmt::format("healthy: {}, without a controller for {}, {} batches spooled", what,
                               ago(record.link_since, now), record.spool_batches);
  }
  if (record.results_dropped > 0) {
    verdict.text += fmt::format("; {} results lost since the start", record.results_dropped);
  }
  return verdict;
}

}  // namespace faultline::probe_app
