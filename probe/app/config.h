// The probe's configuration: one YAML file, validated with line numbers
// (deploy/config/probe.yaml is the complete, commented example).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/document.h"
#include "common/model/node.h"
#include "common/obs/log.h"
#include "probe/session/reflector.h"
#include "probe/spool/spool.h"

namespace faultline::probe_app {

inline constexpr std::size_t kControllersMax = 8;

struct ControllerConfig {
  std::string endpoint;  // "tcp://192.0.2.10:7400"
  PublicKey key;

  bool operator==(const ControllerConfig&) const = default;
};

struct ProbeConfig {
  std::filesystem::path state_dir = "/var/lib/faultline/probe";
  std::filesystem::path token_file;  // needed until the node has joined; or `token`
  std::string token;
  std::vector<ControllerConfig> controllers;  // need no token: they were told this node's key
  std::string name;                           // wanted when joining; empty: the token's
  NodeProfile profile{.source_port_first = 61000, .source_port_count = 16, .mesh_port = 7401};
  session::Strangers strangers{};  // whom the reflector answers beside the fleet
  std::uint64_t spool_size_max = spool::kSpoolSizeDefault;
  // A slot takes 400 bytes whether it is used or not, on every host of a fleet.
  static constexpr std::size_t kLogQueueLinesMax = 1024;
  obs::LogOptions log{.queue_lines_max = kLogQueueLinesMax};
};

// One sentence on the first mistake: "probe.yaml:12: address: ...".
[[nodiscard]] Result<ProbeConfig> load_config(const std::filesystem::path& file,
                                              const config::Environment& environment);

}  // namespace faultline::probe_app
