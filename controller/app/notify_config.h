// The part of the configuration that says who is told: receivers, routes, dead man's switch,
// watchdog.
//
// Secrets are never in the file: keys that end in _file or _env say where they are. They are read
// once, at start. Thread safety: none.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/document.h"
#include "controller/core/telling.h"
#include "controller/notify/receiver.h"

namespace faultline::app {

inline constexpr std::size_t kReceiversMax = 16;

// At most one of both is set.
struct SecretSource {
  std::filesystem::path file;
  std::string variable;

  [[nodiscard]] bool is_set() const { return !file.empty() || !variable.empty(); }
  bool operator==(const SecretSource&) const = default;
};

struct ReceiverConfig {
  notify::Receiver receiver;  // without its secrets
  SecretSource url;           // in place of the URL in the file
  SecretSource secret;        // signs a webhook; PagerDuty's routing key
  SecretSource token;         // of Authorization: Bearer
  notify::Pace pace;
};

struct HeartbeatConfig {
  std::string url;
  SecretSource url_source;
  Duration interval = std::chrono::minutes{1};
};

struct NotifyConfig {
  std::vector<ReceiverConfig> receivers;
  std::optional<HeartbeatConfig> heartbeat;
  core::TellingOptions telling;
};

// From the file's root. `folder`: what relative paths are relative to.
// A matcher's values are one text or several, separated by commas.
[[nodiscard]] std::vector<std::string> values_in(const std::string& text);

void read_notify(config::Section& root, const std::filesystem::path& folder, NotifyConfig& config);

// What is ready to be used: with its secrets, which are in no message.
[[nodiscard]] Result<std::map<std::string, notify::Receiver>> load_receivers(
    const NotifyConfig& config);
// The heartbeat's URL; empty without one.
[[nodiscard]] Result<std::string> load_heartbeat_url(const NotifyConfig& config);

}  // namespace faultline::app
