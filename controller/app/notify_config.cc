#include "controller/app/notify_config.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "common/model/node.h"
#include "controller/notify/sender.h"
#include "controller/notify/signature.h"

namespace faultline::app {
namespace {

using config::Section;
using notify::ReceiverKind;

constexpr Duration kTimeoutMax = std::chrono::minutes{2};
constexpr Duration kReminder = std::chrono::minutes{5};
constexpr std::size_t kCommandWordsMax = 64;

// `name`_file or `name`_env.
SecretSource read_source(Section& section, const std::string& name,
                         const std::filesystem::path& folder) {
  SecretSource source;
  section.path(name + "_file", source.file);
  section.text(name + "_env", source.variable);
  if (!source.file.empty()) source.file = folder / source.file;
  if (!source.file.empty() && !source.variable.empty()) {
    section.error(name + "_env", fmt::format("{}_file is given too: remove one of them", name));
  }
  return source;
}

void read_template(Section& section, const std::string& key,
                   std::optional<notify::Template>& result) {
  std::string text;
  section.text(key, text);
  if (text.empty()) return;
  auto parsed = notify::Template::parse(text);
  if (!parsed) return section.error(key, parsed.error().context);
  result = *std::move(parsed);
}

void read_url(Section& section, ReceiverConfig& config, const std::filesystem::path& folder) {
  auto& url = config.receiver.url;
  section.text("url", url);
  config.url = read_source(section, "url", folder);
  if (config.url.is_set()) {
    if (!url.empty()) section.error("url", "it is also in url_file or url_env: remove one of them");
    return;
  }
  if (url.empty() && config.receiver.kind == ReceiverKind::kPagerDuty) {
    url = notify::kPagerDutyUrl;
    return;
  }
  section.required("url");
  if (url.empty()) return;
  if (auto valid = notify::validate_webhook_url(url); !valid) {
    section.error("url", valid.error().context);
  }
}

void read_command(Section& section, notify::Receiver& receiver) {
  section.required("command").texts("command", receiver.command);
  if (receiver.command.empty()) return;
  if (!receiver.command.front().starts_with('/')) {
    section.error("command", "the program must be an absolute path; it is run without a shell");
  } else if (receiver.command.size() > kCommandWordsMax) {
    section.error("command", fmt::format("at most {} words are supported", kCommandWordsMax));
  }
}

// Keys that only some kinds have are unknown to the others, and so refused by name.
void read_kind(Section& section, ReceiverConfig& config, const std::filesystem::path& folder) {
  auto& receiver = config.receiver;
  const auto kind = receiver.kind;
  if (kind == ReceiverKind::kExec) return read_command(section, receiver);
  read_url(section, config, folder);
  std::filesystem::path ca_file;
  section.path("ca_file", ca_file);
  if (!ca_file.empty()) receiver.ca_file = (folder / ca_file).string();
  if (kind == ReceiverKind::kWebhook) {
    config.secret = read_source(section, "secret", folder);
    read_template(section, "body", receiver.body);
  } else {
    read_template(section, "summary", receiver.summary);
  }
  if (kind == ReceiverKind::kWebhook || kind == ReceiverKind::kAlertmanager) {
    config.token = read_source(section, "token", folder);
  }
  if (kind == ReceiverKind::kAlertmanager) section.text_map("labels", receiver.labels);
  if (kind == ReceiverKind::kPagerDuty) {
    config.secret = read_source(section, "routing_key", folder);
    if (!config.secret.is_set()) section.required("routing_key_file");
  }
}

void read_pace(Section& section, notify::Pace& pace) {
  std::uint32_t per_minute = 0;
  std::uint32_t burst = static_cast<std::uint32_t>(pace.burst);
  section.integer("per_minute", per_minute, 1U, 6000U);
  section.integer("burst", burst, 1U, 1000U);
  pace = {static_cast<double>(per_minute), static_cast<double>(burst)};
}

ReceiverConfig read_receiver(Section& section, const std::filesystem::path& folder) {
  ReceiverConfig config;
  auto& receiver = config.receiver;
  section.required("name").text("name", receiver.name);
  if (auto valid = validate_name(receiver.name); !valid) {
    section.error("name", valid.error().context);
  }
  section.choice("kind", receiver.kind,
                 {{"webhook", ReceiverKind::kWebhook},
                  {"pagerduty", ReceiverKind::kPagerDuty},
                  {"slack", ReceiverKind::kSlack},
                  {"alertmanager", ReceiverKind::kAlertmanager},
                  {"exec", ReceiverKind::kExec}});
  read_kind(section, config, folder);
  section.duration("timeout", receiver.timeout);
  if (receiver.timeout > kTimeoutMax) {
    section.error("timeout", fmt::format("must be at most {}", format_duration(kTimeoutMax)));
  }
  read_pace(section, config.pace);
  return config;
}

bool is_known(const NotifyConfig& config, const std::string& name) {
  return std::ranges::any_of(
      config.receivers, [&](const ReceiverConfig& known) { return known.receiver.name == name; });
}

void read_receivers(Section& root, const std::filesystem::path& folder, NotifyConfig& config) {
  for (auto& section : root.renamed("webhooks", "receivers").sections("receivers")) {
    auto receiver = read_receiver(section, folder);
    const auto& name = receiver.receiver.name;
    if (is_known(config, name)) section.error("name", "another receiver has this name");
    if (receiver.pace.per_minute > 0) config.telling.paces[name] = receiver.pace;
    if (receiver.receiver.kind == ReceiverKind::kAlertmanager) {
      config.telling.reminders[name] = kReminder;
    }
    config.receivers.push_back(std::move(receiver));
  }
  if (config.receivers.size() > kReceiversMax) {
    root.error("receivers", fmt::format("at most {} are supported", kReceiversMax));
  }
}

void read_routes(Section& root, NotifyConfig& config) {
  auto& routes = config.telling.routes;
  for (auto& section : root.sections("routes")) {
    notify::Route route;
    section.choice("severity_min", route.severity_min,
                   {{"info", notify::AlertSeverity::kInfo},
                    {"warning", notify::AlertSeverity::kWarning},
                    {"error", notify::AlertSeverity::kError},
                    {"critical", notify::AlertSeverity::kCritical}});
    std::map<std::string, std::string> match;
    section.text_map("match", match);
    for (const auto& [name, text] : match) route.match[name] = values_in(text);
    section.required("receivers").texts("receivers", route.receivers);
    for (const auto& name : route.receivers) {
      if (!is_known(config, name)) {
        section.error("receivers", fmt::format("there is no receiver {}", name));
      }
    }
    section.boolean("continue", route.goes_on);
    routes.push_back(std::move(route));
  }
  if (routes.size() > notify::kRoutesMax) {
    root.error("routes", fmt::format("at most {} are supported", notify::kRoutesMax));
  }
}

void read_heartbeat(Section section, const std::filesystem::path& folder, NotifyConfig& config) {
  HeartbeatConfig heartbeat;
  section.text("url", heartbeat.url);
  heartbeat.url_source = read_source(section, "url", folder);
  section.duration("interval", heartbeat.interval);
  if (heartbeat.interval < std::chrono::seconds{10} ||
      heartbeat.interval > std::chrono::hours{24}) {
    section.error("interval", "must be between 10s and 24h");
  }
  if (heartbeat.url.empty() && !heartbeat.url_source.is_set()) return;
  if (!heartbeat.url.empty() && heartbeat.url_source.is_set()) {
    section.error("url", "it is also in url_file or url_env: remove one of them");
  }
  if (!heartbeat.url.empty()) {
    if (auto valid = notify::validate_webhook_url(heartbeat.url); !valid) {
      section.error("url", valid.error().context);
    }
  }
  config.heartbeat = std::move(heartbeat);
}

void read_watchdog(Section section, notify::WatchdogOptions& options) {
  section.boolean("enabled", options.enabled);
  section.ratio("silent_share_max", options.silent_share_max);
  section.bytes("disk_free_min", options.disk_free_min_bytes);
  section.duration("outbox_age_max", options.outbox_age_max);
}

Result<std::string> read_secret(const std::string& receiver, const SecretSource& source) {
  if (!source.is_set()) return std::string();
  if (!source.file.empty()) return notify::read_secret_file(source.file.string());
  const char* value = std::getenv(source.variable.c_str());
  if (value == nullptr || *value == '\0') {
    return fail(ErrorCode::kUnavailable,
                fmt::format("the variable {}, which holds a secret of {}, is not set",
                            source.variable, receiver));
  }
  return std::string(value);
}

// A page that nobody can send is found out at the start, not in the night.
Status check_program(const std::string& owner, const std::string& program) {
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(program, error);
  if (!is_folder && ::access(program.c_str(), X_OK) == 0) return {};
  return fail(ErrorCode::kUnavailable,
              fmt::format("{} cannot be run, the program of {}: {}", program, owner,
                          std::generic_category().message(is_folder ? EISDIR : errno)));
}

Result<std::string> secret_url(const std::string& owner, const SecretSource& source,
                               const std::string& url) {
  if (!source.is_set()) return url;
  FAULTLINE_TRY(auto secret, read_secret(owner, source));
  if (auto valid = notify::validate_webhook_url(secret); !valid) {
    return fail(ErrorCode::kInvalid,
                fmt::format("the secret URL of {}: {}", owner, valid.error().context));
  }
  return secret;
}

Result<notify::Receiver> load_receiver(const ReceiverConfig& config) {
  auto receiver = config.receiver;
  const auto owner = fmt::format("receiver {}", receiver.name);
  if (receiver.kind == ReceiverKind::kExec) {
    FAULTLINE_TRY_STATUS(check_program(owner, receiver.command.front()));
  }
  FAULTLINE_TRY(receiver.url, secret_url(owner, config.url, receiver.url));
  FAULTLINE_TRY(receiver.secret, read_secret(owner, config.secret));
  FAULTLINE_TRY(receiver.token, read_secret(owner, config.token));
  return receiver;
}

}  // namespace

std::vector<std::string> values_in(const std::string& text) {
  std::vector<std::string> values;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const auto end = std::min(text.find(',', begin), text.size());
    const auto first = text.find_first_not_of(' ', begin);
    if (first < end) {
      const auto last = text.find_last_not_of(' ', end - 1);
      values.push_back(text.substr(first, last - first + 1));
    }
    begin = end + 1;
  }
  return values;
}

void read_notify(Section& root, const std::filesystem::path& folder, NotifyConfig& config) {
  read_receivers(root, folder, config);
  read_routes(root, config);
  auto alerts = root.section("alerts");
  read_template(alerts, "link", config.telling.link);
  read_heartbeat(root.section("dead_mans_switch"), folder, config);
  read_watchdog(root.section("watchdog"), config.telling.watchdog);
}

Result<std::map<std::string, notify::Receiver>> load_receivers(const NotifyConfig& config) {
  std::map<std::string, notify::Receiver> receivers;
  std::string mistakes;  // of all receivers: who mends one wants to know of the others
  for (const auto& item : config.receivers) {
    auto receiver = load_receiver(item);
    if (receiver) {
      receivers.emplace(item.receiver.name, *std::move(receiver));
    } else {
      mistakes += (mistakes.empty() ? "" : "; ") + receiver.error().context;
    }
  }
  if (!mistakes.empty()) return fail(ErrorCode::kUnavailable, std::move(mistakes));
  return receivers;
}

Result<std::string> load_heartbeat_url(const NotifyConfig& config) {
  if (!config.heartbeat) return std::string();
  return secret_url("the heartbeat", config.heartbeat->url_source, config.heartbeat->url);
}

}  // namespace faultline::app
