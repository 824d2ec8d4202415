#include "controller/app/config.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "common/crypto/token.h"
#include "common/model/node.h"
#include "common/zmq/link_options.h"
#include "controller/api/listen_socket.h"
#include "controller/api/tcp_socket.h"
#include "controller/app/inventory_file.h"
#include "controller/app/tests_config.h"
#include "controller/diagnose/check.h"

namespace faultline::app {
namespace {

using config::Section;

// Sizes and classes of the flows.
void read_flow_kinds(Section& plan, plan::PlannerConfig& planner) {
  std::uint32_t bytes = planner.large_packet_bytes;
  plan.integer("large_packet_bytes", bytes, 0U, std::uint32_t{kFlowSizeMax});
  if (bytes != 0 && bytes < kFlowSizeMin) {
    plan.error("large_packet_bytes",
               fmt::format("must be 0, for none, or {} to {}", kFlowSizeMin, kFlowSizeMax));
  }
  planner.large_packet_bytes = static_cast<std::uint16_t>(bytes);
  plan.integer("large_flows_one_in", planner.large_flows_one_in, 1U, 1024U);
  std::vector<std::string> classes;
  plan.texts("dscp_classes", classes);
  for (const auto& text : classes) {
    std::uint8_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_new =
        std::ranges::find(planner.dscp_classes, value) == planner.dscp_classes.end();
    if (error != std::errc{} || end != text.data() + text.size() || value == 0 ||
        value > kDscpMax || !is_new || planner.dscp_classes.size() == plan::kDscpClassesMax) {
      plan.error("dscp_classes", fmt::format("must be at most {} different numbers from 1 to {}",
                                             plan::kDscpClassesMax, kDscpMax));
      return;
    }
    planner.dscp_classes.push_back(value);
  }
}

void read_plan(Section plan, plan::PlannerConfig& planner) {
  plan.integer("flows_per_pair", planner.flows_per_pair, 1U, 64U);
  plan.integer("tracked_flows_per_node_max", planner.tracked_flows_per_node_max, 1U,
               static_cast<std::uint32_t>(kPlanFlowsMax));
  plan.integer("packets_per_second_per_node_max", planner.packets_per_second_per_node_max, 1U,
               kPacketsPerSecondMax);
  plan.integer("packets_per_second_per_link_max", planner.packets_per_second_per_link_max, 1U,
               1'000'000'000U);
  plan.integer("packets_per_second_per_rack_max", planner.packets_per_second_per_rack_max, 1U,
               kPacketsPerSecondPerGroupMax);
  plan.integer("neighbors_per_node_max", planner.neighbors_per_node_max, plan::kNeighborsPerNodeMin,
               65'536U);
  read_flow_kinds(plan, planner);
  plan.duration("reply_timeout", planner.reply_timeout);
  plan.duration("lease", planner.lease);
  double rate = 1;
  plan.number("packets_per_second_per_flow", rate);
  if (rate < 0.01 || rate > 100) {
    plan.error("packets_per_second_per_flow", "must be between 0.01 and 100");
    return;
  }
  planner.flow_interval =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / rate));
}

void read_adaptive(Section adaptive, plan::AdaptiveConfig& config) {
  adaptive.boolean("enabled", config.enabled);
  adaptive.ratio("extra_share", config.extra_share);
  adaptive.integer("link_packets_per_second_max", config.link_packets_per_second_max, 1U, 100'000U);
  adaptive.integer("node_packets_per_second_max", config.node_packets_per_second_max, 1U, 10'000U);
  if (auto valid = plan::validate(config); !valid) {
    adaptive.error("extra_share", "must be between 0.001 and 0.05");
  }
}

void read_abnormal_incidents(Section& detect, std::set<detect::Kind>& kinds) {
  std::vector<std::string> names;
  detect.texts("incidents", names);
  for (const auto& name : names) {
    if (const auto kind = detect::parse_kind(name)) {
      kinds.insert(*kind);
    } else {
      detect.error("incidents",
                   fmt::format("{} is no kind of anomaly; see the comment in the example", name));
    }
  }
}

void read_detect(Section detect, detect::DetectConfig& config, std::set<detect::Kind>& incidents) {
  read_abnormal_incidents(detect, incidents);
  detect.boolean("enabled", config.enabled);
  detect.duration("accept_after", config.accept_after);
  auto limits = detect.section("limits");
  for (std::size_t i = 0; i < detect::kPairClasses; ++i) {
    auto limit = limits.section(to_string(static_cast<detect::PairClass>(i)));
    limit.duration("delay", config.limits[i].delay);
    limit.ratio("loss", config.limits[i].loss);
    limit.duration("shift_min", config.limits[i].shift_min);
  }
  if (auto valid = detect::validate(config); !valid) {
    detect.error("limits", valid.error().context);
  }
}

void read_metrics(Section metrics, core::GroupSeries::Options& options) {
  std::vector<std::string> names;
  for (const auto grouping : options.groupings) names.emplace_back(to_string(grouping));
  metrics.texts("groups", names);
  options.groupings.clear();
  for (const auto& name : names) {
    const auto grouping = core::parse_grouping(name);
    if (!grouping) {
      metrics.error("groups", fmt::format("\"{}\" is none of: zone, rack, class", name));
      return;
    }
    options.groupings.insert(*grouping);
  }
  metrics.integer("groups_max", options.groups_max, 1U, core::kGroupsMax);
}

// Codes, and severities for all of theirs.
void read_check(Section check, core::CheckOptions& options) {
  check.duration("every", options.every);
  if (options.every < kCheckEveryMin || options.every > kCheckEveryMax) {
    check.error("every", fmt::format("must be between {} and {}", format_duration(kCheckEveryMin),
                                     format_duration(kCheckEveryMax)));
  }
  std::vector<std::string> names;
  check.texts("incidents", names);
  for (const auto& name : names) {
    const auto severity = diagnose::parse_severity(name);
    if (severity) {
      options.severities.insert(*severity);
    } else if (diagnose::is_check_code(name)) {
      options.codes.insert(name);
    } else {
      check.error("incidents", fmt::format("{} is neither error, warning nor notice, nor a code of "
                                           "'faultline check'",
                                           name));
    }
  }
}

void read_incident(Section incident, incident::MachineConfig& machine) {
  incident.ratio("confirm_posterior", machine.confirm_posterior);
  incident.ratio("keep_posterior", machine.keep_posterior);
  incident.integer("confirm_windows", machine.confirm_windows, 1U, 32U);
  incident.integer("confirm_of", machine.confirm_of, 1U, 32U);
  incident.integer("congestion_windows", machine.congestion_windows, 1U, 32U);
  incident.integer("congestion_of", machine.congestion_of, 1U, 32U);
  incident.integer("resolve_windows", machine.resolve_windows, 1U, incident::kResolveWindowsMax);
  incident.duration("reopen_within", machine.reopen_within);
  incident.duration("quiet_after_resolve", machine.quiet_after_resolve);
}

// `status` is a mistake of `key` unless it is well.
void expect(Section& section, std::string_view key, const Status& status) {
  if (!status) section.error(key, status.error().context);
}

void read_endpoints(Section& root, ControllerConfig& config) {
  root.text("listen", config.listen);
  expect(root, "listen", zmq::check_listen_endpoint(config.listen));
  root.texts("advertise", config.advertise);
  for (const auto& endpoint : config.advertise) {
    expect(root, "advertise", zmq::check_endpoint(endpoint));
    if (endpoint.size() > crypto::kTokenEndpointBytesMax) {
      root.error("advertise",
                 fmt::format("an endpoint has at most {} bytes", crypto::kTokenEndpointBytesMax));
    }
    if (zmq::is_wildcard(endpoint)) {
      root.error("advertise", fmt::format("{} names no machine that a probe could connect to; use "
                                          "an address such as tcp://192.0.2.10:7400",
                                          endpoint));
    }
  }
  if (config.advertise.size() > crypto::kTokenEndpointsMax) {
    root.error("advertise", fmt::format("at most {} are supported", crypto::kTokenEndpointsMax));
  }
}

void read_tls(Section tls, std::optional<api::TlsOptions>& options) {
  std::string listen;
  api::TlsFiles files;
  tls.text("listen", listen);
  tls.path("certificate", files.certificate);
  tls.path("key", files.key);
  if (listen.empty() && files == api::TlsFiles{}) return;
  tls.required("listen").required("certificate").required("key");
  if (listen.empty()) return;
  const auto endpoint = api::parse_listen_endpoint(listen);
  if (!endpoint) return tls.error("listen", endpoint.error().context);
  options = api::TlsOptions{.listen = *endpoint, .files = std::move(files)};
}

void read_api(Section api, ApiConfig& config) {
  api.renamed("unix", "socket").path("socket", config.socket);
  api.renamed("group", "socket_group").text("socket_group", config.socket_group);
  expect(api, "socket", api::check_listen_unix(config.socket.string(), {}));
  read_tls(api.section("tls"), config.tls);
  api.duration("audit_retention", config.audit_retention);
  if (config.audit_retention < kAuditRetentionMin) {
    api.error("audit_retention",
              fmt::format("must be at least {}", format_duration(kAuditRetentionMin)));
  }
}

void read_retention(Section& root, ControllerConfig& config) {
  store::Retention& retention = config.retention;
  root.duration("retention", retention.raw);
  const Duration minimum = std::max(kRetentionMin, config.incident.reopen_within);
  if (retention.raw < minimum) {
    root.error("retention", fmt::format("must be at least {}", format_duration(minimum)));
  }
  auto rollups = root.section("rollups");
  rollups.duration("minutes", retention.minutes);
  rollups.duration("hours", retention.hours);
  if (retention.minutes < kRollupRetentionMin) {
    rollups.error("minutes",
                  fmt::format("must be at least {}", format_duration(kRollupRetentionMin)));
  }
  if (retention.hours < kRollupRetentionMin) {
    rollups.error("hours",
                  fmt::format("must be at least {}", format_duration(kRollupRetentionMin)));
  }
  root.bytes("disk_max", retention.bytes_max);
  if (retention.bytes_max != 0 && retention.bytes_max < kDiskMaxMin) {
    root.error("disk_max", "must be at least 256MiB, or left out");
  }
}

void read_root(Section& root, ControllerConfig& config) {
  root.path("data_dir", config.data_dir);
  read_endpoints(root, config);
  read_api(root.section("api"), config.api);
  root.path("topology", config.topology);
  root.duration("window", config.planner.window);
  if (config.planner.window < std::chrono::seconds{1} ||
      config.planner.window > std::chrono::seconds{60} ||
      config.planner.window % std::chrono::seconds{1} != Duration::zero()) {
    root.error("window", "must be whole seconds from 1s to 60s");
  }
  root.integer("ingest_threads", config.ingest_threads, 0U, kIngestThreadsMax);
  root.duration("heartbeat", config.heartbeat);
  if (config.heartbeat < std::chrono::seconds{1} || config.heartbeat > std::chrono::seconds{60}) {
    root.error("heartbeat", "must be between 1s and 60s");
  }
  root.duration("restart_excused_max", config.restart_excused_max);
  if (config.restart_excused_max < std::chrono::seconds{10} ||
      config.restart_excused_max > std::chrono::seconds{3600}) {
    root.error("restart_excused_max", "must be between 10s and 1h");
  }
  root.integer("horizon_windows", config.horizon_windows, 1U, 60U);
  read_plan(root.section("plan"), config.planner);
  auto trace = root.section("trace");
  trace.integer("per_second", config.planner.traces_per_second, 1U, kTracesPerSecondMax);
  trace.integer("router_packets_per_second_max", config.planner.router_packets_per_second_max, 1U,
                1'000'000U);
  read_adaptive(root.section("adaptive"), config.adaptive);
  read_detect(root.section("detect"), config.detect, config.abnormal_incidents);
  read_check(root.section("check"), config.check);
  read_tests(root, config.planner.router_packets_per_second_max, config.standing);
  read_metrics(root.section("metrics"), config.groups);
  read_incident(root.section("incident"), config.incident);
  read_retention(root, config);
  read_notify(root, config.file.parent_path(), config.notify);
  auto log = root.section("log");
  log.choice("level", config.log.level,
             {{"debug", obs::LogLevel::kDebug},
              {"info", obs::LogLevel::kInfo},
              {"warning", obs::LogLevel::kWarning},
              {"error", obs::LogLevel::kError}});
  log.choice("format", config.log.format,
             {{"text", obs::LogFormat::kText}, {"json", obs::LogFormat::kJson}});
}

// A file that the configuration names is beside it, wherever the process was started.
void find_beside(const std::filesystem::path& file, std::filesystem::path& named) {
  if (!named.empty()) named = file.parent_path() / named;
}

}  // namespace

Result<ControllerConfig> load_config(const std::filesystem::path& file,
                                     const config::Environment& environment) {
  FAULTLINE_TRY(auto document, config::Document::load_file(file));
  ControllerConfig config;
  config.file = file;
  auto root = document.root(environment);
  read_root(root, config);
  FAULTLINE_TRY_STATUS(document.finish());
  config.warnings = document.warnings();
  find_beside(file, config.topology);
  if (config.api.tls) {
    find_beside(file, config.api.tls->files.certificate);
    find_beside(file, config.api.tls->files.key);
  }
  const auto in_file = [&](Status status) -> Status {
    if (status) return status;
    return fail(status.error().code, fmt::format("{}: {}", file.string(), status.error().context));
  };
  FAULTLINE_TRY_STATUS(in_file(plan::validate(config.planner)));
  FAULTLINE_TRY_STATUS(in_file(incident::validate(config.incident)));
  return config;
}

std::uint32_t ingest_threads(const ControllerConfig& config, unsigned cores) {
  if (config.ingest_threads != 0) return config.ingest_threads;
  return std::clamp(cores, 2U, kIngestThreadsAutomaticMax + 1) - 1;
}

Status check_named(const ControllerConfig& config) {
  FAULTLINE_TRY_STATUS(load_inventory(config.topology));
  FAULTLINE_TRY_STATUS(load_receivers(config.notify));
  FAULTLINE_TRY_STATUS(load_heartbeat_url(config.notify));
  if (config.api.tls) FAULTLINE_TRY_STATUS(api::load_tls_identity(config.api.tls->files));
  return api::check_listen_unix(config.api.socket.string(), config.api.socket_group);
}

}  // namespace faultline::app
