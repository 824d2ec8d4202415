// The controller's configuration: one YAML file, validated with line numbers
// (deploy/config/controller.yaml is the complete, commented example).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/document.h"
#include "common/obs/log.h"
#include "controller/access/audit_trail.h"
#include "controller/api/tls_identity.h"
#include "controller/app/notify_config.h"
#include "controller/core/finding_watch.h"
#include "controller/core/group_series.h"
#include "controller/core/standing_tests.h"
#include "controller/detect/detector.h"
#include "controller/fleet/absences.h"
#include "controller/incident/machine.h"
#include "controller/plan/adaptive.h"
#include "controller/plan/planner.h"
#include "controller/store/tiers.h"

namespace faultline::app {

// Facts are seldom newer than that, and older than a day nobody wants to be told of.
inline constexpr Duration kCheckEveryMin = std::chrono::seconds{5};
inline constexpr Duration kCheckEveryMax = std::chrono::hours{24};
inline constexpr Duration kAuditRetentionMin = std::chrono::hours{24};
// Less would drop what is still being judged. It must not be shorter than reopen_within either.
inline constexpr Duration kRetentionMin = std::chrono::hours{1};
inline constexpr Duration kRollupRetentionMin = std::chrono::hours{24};
// Tables are dropped whole where they can be, and have 16 MiB: less could not be kept to.
inline constexpr std::uint64_t kDiskMaxMin = 256ULL << 20;
inline constexpr std::uint32_t kIngestThreadsMax = 16;
// Beyond it the one loop and the one writer are what there is too little of.
inline constexpr std::uint32_t kIngestThreadsAutomaticMax = 4;

struct ApiConfig {
  std::filesystem::path socket = "/run/faultline/controller.sock";
  std::string socket_group;            // empty: the controller's own
  std::optional<api::TlsOptions> tls;  // empty: the socket only
  Duration audit_retention = access::kAuditAgeDefault;
};

struct ControllerConfig {
  std::filesystem::path file;  // that it was read from
  std::filesystem::path data_dir = "/var/lib/faultline/controller";
  std::string listen = "tcp://*:7400";
  std::vector<std::string> advertise;  // endpoints that join tokens carry
  ApiConfig api;
  std::filesystem::path topology;    // inventory; empty: traced paths alone
  std::uint32_t ingest_threads = 0;  // 0: by the number of cores
  Duration heartbeat = std::chrono::seconds{5};
  Duration restart_excused_max = fleet::kExcusedMaxDefault;
  store::Retention retention;
  std::uint32_t horizon_windows = 6;
  plan::PlannerConfig planner;
  plan::AdaptiveConfig adaptive;
  detect::DetectConfig detect;
  std::set<detect::Kind> abnormal_incidents;  // detect.incidents
  core::CheckOptions check;
  core::StandingOptions standing;     // tests
  core::GroupSeries::Options groups;  // metrics
  incident::MachineConfig incident;
  NotifyConfig notify;
  obs::LogOptions log;
  std::vector<std::string> warnings;  // what works today and will not for ever, a sentence each
};

// One sentence on the first mistake: "controller.yaml:12: window: ...". Relative paths of files
// that it names are taken to be relative to it.
[[nodiscard]] Result<ControllerConfig> load_config(const std::filesystem::path& file,
                                                   const config::Environment& environment);

// Workers that decode results, and as many I/O threads of libzmq's: what is configured; else one
// less than there are cores, at least 1 and at most kIngestThreadsAutomaticMax.
[[nodiscard]] std::uint32_t ingest_threads(const ControllerConfig& config, unsigned cores);

// That what the configuration names is there: the inventory, the receivers' secrets, the API
// socket's group, the certificate with its key. A start would fail for the same reasons. Blocks on
// the disk.
[[nodiscard]] Status check_named(const ControllerConfig& config);

}  // namespace faultline::app
