#include "common/ondemand/report_text.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace faultline::ondemand {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kPortsShown = 8;

// Of a report that another version may have written.
std::string text(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return "-";
  return found->is_string() ? found->get<std::string>() : found->dump();
}
double number(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found == json.end() || !found->is_number() ? 0 : found->get<double>();
}
const Json& list(const Json& json, const char* name) {
  static const Json kEmpty = Json::array();
  const auto found = json.find(name);
  return found == json.end() || !found->is_array() ? kEmpty : *found;
}

std::string milliseconds(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_number()) return "-";
  return fmt::format("{:.3f} ms", found->get<double>() / 1000);
}
std::string percent(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_number()) return "-";
  return fmt::format("{:.3g} %", found->get<double>() * 100);
}

std::string mark(const Json& report) {
  const auto outcome = text(report, "outcome");
  return outcome == "ok" ? "[ok]" : outcome == "fault" ? "[fault]" : "[inconclusive]";
}

std::string target_of(const Json& report) {
  const auto port = text(report, "port");
  const auto address = text(report, "target");
  if (port == "-") return address;
  const bool v6 = address.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

void append_pings(std::string& out, const Json& report) {
  for (const auto& ping : list(report, "pings")) {
    out += fmt::format("  {:>4}  {:<11} {:>12}", text(ping, "sequence"), text(ping, "outcome"),
                       milliseconds(ping, "rtt_us"));
    if (text(ping, "ttl") != "-") out += fmt::format("  ttl {}", text(ping, "ttl"));
    if (text(ping, "outcome") != "answered") out += fmt::format("  from {}", text(ping, "from"));
    if (text(ping, "note") != "-") out += fmt::format("  {}", text(ping, "note"));
    out += "\n";
  }
  out += fmt::format("  loss {}, round trip min {}, median {}, max {}\n",
                     percent(report, "loss_ratio"), milliseconds(report, "rtt_us_min"),
                     milliseconds(report, "rtt_us_median"), milliseconds(report, "rtt_us_max"));
  if (text(report, "lost_forward") == "-") return;
  out += fmt::format("  lost on the way there {}, on the way back {}, either {}\n",
                     text(report, "lost_forward"), text(report, "lost_return"),
                     text(report, "lost_undetermined"));
}

void append_mtu(std::string& out, const Json& report) {
  out += fmt::format("  largest packet      {} octets, of {} tried at most\n", text(report, "mtu"),
                     text(report, "mtu_tried_max"));
  out += fmt::format("  direction           {}\n",
                     text(report, "direction") == "forward"
                         ? "there only"
                         : "there; an answer is as large, but may come in pieces");
  if (text(report, "arithmetic") != "-") {
    out += fmt::format("  arithmetic          {}\n", text(report, "arithmetic"));
  }
  const auto& hops = list(report, "hops");
  if (!hops.empty()) {
    out += "  routers on the way ";
    for (const auto& hop : hops) out += " " + (hop.is_string() ? hop.get<std::string>() : "*");
    out += "\n";
  }
  out += fmt::format("  packets             {} large, {} small of which {} lost\n",
                     text(report, "large_sent"), text(report, "small_sent"),
                     text(report, "small_lost"));
}

void append_capture(std::string& out, const Json& report) {
  out += fmt::format("  packets             {} of the conversation, {} that may be others\n",
                     text(report, "packets"), text(report, "packets_of_others"));
  for (const auto& interface : list(report, "interfaces")) {
    out += fmt::format("  listened on         {}\n", text(interface, "name"));
  }
}

void append_path(std::string& out, const Json& path, std::size_t index) {
  const auto& ports = list(path, "source_ports");
  out += fmt::format("  path {}: {} flow{}, loss {}, round trip median {}; {}\n", index,
                     text(path, "flows"), number(path, "flows") == 1 ? "" : "s",
                     percent(path, "loss_ratio"), milliseconds(path, "rtt_us_median"),
                     text(path, "reason"));
  out += "    source ports";
  for (std::size_t i = 0; i < std::min(ports.size(), kPortsShown); ++i)
    out += " " + ports[i].dump();
  if (ports.size() > kPortsShown) out += fmt::format(" and {} more", ports.size() - kPortsShown);
  out += "\n";
  for (const auto& hop : list(path, "hops")) {
    const auto address = text(hop, "address");
    out += fmt::format("    {:>3}  {:<39} {:>4}/{:<4} {:>12}\n", text(hop, "ttl"),
                       address == "-" ? "*" : address, text(hop, "answered"), text(hop, "sent"),
                       milliseconds(hop, "rtt_us_median"));
  }
}

}  // namespace

std::string to_text(const Json& report) {
  const auto kind = text(report, "kind");
  auto out =
      fmt::format("{} {}: {}\n", mark(report), text(report, "verdict"), text(report, "summary"));
  out += fmt::format("  {} from {} ({}) to {}, {}\n", kind, text(report, "source"),
                     text(report, "interface"), target_of(report), text(report, "means"));
  if (kind == "mtu") {
    append_mtu(out, report);
  } else if (kind == "capture") {
    append_capture(out, report);
  } else if (kind == "trace") {
    std::size_t index = 0;
    for (const auto& path : list(report, "paths")) append_path(out, path, ++index);
  } else {
    append_pings(out, report);
  }
  for (const auto& remark : list(report, "remarks")) {
    out += fmt::format("  note: {}: {}\n", text(remark, "kind"), text(remark, "text"));
  }
  const auto early = report.find("stopped_early");
  if (early != report.end() && *early == true) out += "  stopped before it was over\n";
  return out;
}

int exit_code(const Json& report) {
  const auto outcome = text(report, "outcome");
  return outcome == "ok" ? 0 : outcome == "fault" ? 1 : 2;
}

}  // namespace faultline::ondemand
