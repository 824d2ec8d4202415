#include "probe/app/config.h"

#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "common/zmq/link_options.h"
#include "probe/engine/engine.h"

namespace faultline::probe_app {
namespace {

using config::Section;

constexpr std::uint16_t kPortMin = 1;
constexpr std::uint16_t kPortMax = 65535;

void read_ports(Section ports, NodeProfile& profile) {
  ports.integer("first", profile.source_port_first, kPortMin, kPortMax);
  ports.integer("count", profile.source_port_count, std::uint16_t{1}, engine::kSourcePortsMax);
  if (profile.source_port_first + profile.source_port_count > kPortMax + 1) {
    ports.error("count", "goes beyond port 65535");
  }
}

void read_address(Section& root, IpAddress& address) {
  std::string text;
  root.required("address").text("address", text);
  if (text.empty()) return;
  const auto parsed = IpAddress::parse(text);
  if (!parsed || parsed->is_unspecified()) {
    root.error("address", fmt::format("\"{}\" is not an address of this machine", text));
    return;
  }
  address = *parsed;
}

// "192.0.2.0/24", or one address. Empty when it is neither.
std::optional<session::Strangers::Prefix> parse_prefix(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const unsigned whole = address->is_v4() ? 32 : 128;
  if (slash == std::string_view::npos)
    return session::Strangers::Prefix{*address, static_cast<std::uint8_t>(whole)};
  const auto digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc{} || end != digits.data() + digits.size() || bits > whole) {
    return std::nullopt;
  }
  return session::Strangers::Prefix{*address, static_cast<std::uint8_t>(bits)};
}

void read_strangers(Section section, session::Strangers& strangers) {
  std::vector<std::string> allowed;
  section.texts("allow", allowed);
  for (const auto& text : allowed) {
    if (const auto prefix = parse_prefix(text)) {
      strangers.allowed.push_back(*prefix);
    } else {
      section.error("allow",
                    fmt::format("\"{}\" is no address and no prefix like 192.0.2.0/24", text));
    }
  }
  if (strangers.allowed.size() > session::kStrangerPrefixesMax) {
    section.error("allow", fmt::format("at most {} are supported", session::kStrangerPrefixesMax));
  }
  section.integer("packets_per_second_max", strangers.packets_per_second_max, 1U,
                  kPacketsPerSecondMax);
}

void read_controllers(Section& root, std::vector<ControllerConfig>& controllers) {
  for (auto& section : root.sections("controllers")) {
    ControllerConfig controller;
    std::string key;
    section.required("endpoint").text("endpoint", controller.endpoint);
    section.required("key").text("key", key);
    if (auto valid = zmq::check_endpoint(controller.endpoint);
        !controller.endpoint.empty() && !valid) {
      section.error("endpoint", valid.error().context);
    }
    const auto parsed = parse_public_key(key);
    if (!key.empty() && !parsed) {
      section.error("key", "a key has 64 hex digits; `faultline controller key` prints it");
    }
    controller.key = parsed.value_or(PublicKey{});
    controllers.push_back(std::move(controller));
  }
  if (controllers.size() > kControllersMax) {
    root.error("controllers", fmt::format("at most {} are supported", kControllersMax));
  }
}

void read_root(Section& root, ProbeConfig& config) {
  auto& profile = config.profile;
  root.path("state_dir", config.state_dir);
  root.path("token_file", config.token_file);
  root.text("token", config.token);
  if (!config.token.empty() && !config.token_file.empty()) {
    root.error("token", "give either token or token_file");
  }
  read_controllers(root, config.controllers);
  root.text("name", config.name);
  if (auto valid = validate_name(config.name); !config.name.empty() && !valid) {
    root.error("name", valid.error().context);
  }
  read_address(root, profile.address);
  root.text_map("labels", profile.labels);
  if (auto valid = validate_labels(profile.labels); !valid) {
    root.error("labels", valid.error().context);
  }
  root.choice("kind", profile.kind, {{"host", NodeKind::kHost}, {"vm", NodeKind::kVm}});
  read_ports(root.section("ports"), profile);
  root.integer("reflector_port", profile.reflector_port, kPortMin, kPortMax);
  read_strangers(root.section("strangers"), config.strangers);
  root.integer("mesh_port", profile.mesh_port, std::uint16_t{0}, kPortMax);
  auto spool = root.section("spool");
  spool.bytes("size_max", config.spool_size_max);
  if (config.spool_size_max < spool::kSpoolSizeMin) {
    spool.error("size_max", fmt::format("must be at least {} KiB", spool::kSpoolSizeMin >> 10));
  }
  auto log = root.section("log");
  log.choice("level", config.log.level,
             {{"debug", obs::LogLevel::kDebug},
              {"info", obs::LogLevel::kInfo},
              {"warning", obs::LogLevel::kWarning},
              {"error", obs::LogLevel::kError}});
  log.choice("format", config.log.format,
             {{"text", obs::LogFormat::kText}, {"json", obs::LogFormat::kJson}});
}

}  // namespace

Result<ProbeConfig> load_config(const std::filesystem::path& file,
                                const config::Environment& environment) {
  FAULTLINE_TRY(auto document, config::Document::load_file(file));
  ProbeConfig config;
  auto root = document.root(environment);
  read_root(root, config);
  FAULTLINE_TRY_STATUS(document.finish());
  return config;
}

}  // namespace faultline::probe_app
