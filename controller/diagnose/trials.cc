#include "controller/diagnose/trials.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "controller/diagnose/layers.h"

namespace faultline::diagnose {
namespace {

using Json = nlohmann::json;

const End& tester_of(const Trial& trial, const Inputs& inputs) {
  return trial.from_b ? inputs.b : inputs.a;
}
const End& target_of(const Trial& trial, const Inputs& inputs) {
  return trial.from_b ? inputs.a : inputs.b;
}

bool can_test(const End& from, const End& to) {
  return from.probe == ProbeState::kLive && from.address && to.address &&
         from.address->is_v4() == to.address->is_v4();
}

// Of what decided, whether it is what somebody configured: then packets would tell nothing more.
// What was measured some seconds ago is no configuration: a circle may be broken since.
bool is_told(const Verdict& verdict) {
  if (verdict.code == "unreachable_by_design") return true;
  const bool measured = verdict.code == "probe_port_filtered" || verdict.code == "routing_loop";
  if (verdict.level != Level::kFail || measured) return false;
  switch (verdict.layer.value_or(Layer::kPath)) {
    case Layer::kAddressing:
    case Layer::kLink:
    case Layer::kRoutes:
    case Layer::kFiltering:
    case Layer::kHa:
      return true;
    case Layer::kProber:
    case Layer::kMtu:
    case Layer::kPath:
    case Layer::kQuality:
      break;
  }
  return false;
}

// The larger of the two may not fit the other's wire, and a router in between says so: no fault.
std::uint16_t full_size(const Pair& pair) {
  const auto a = send_size(pair.side_a());
  const auto b = send_size(pair.side_b());
  if (!a || !b) return 0;
  return static_cast<std::uint16_t>(std::min<std::uint32_t>({a->mtu, b->mtu, kTrialSizeMax}));
}

Duration timeout_of(const Inputs& inputs) {
  double rtt_us = 0;
  for (const auto* session : {&inputs.by_a, &inputs.by_b}) {
    if (*session) rtt_us = std::max(rtt_us, (*session)->now.rtt_mean_us.value_or(0));
  }
  const auto patience = kTrialTimeoutMin + std::chrono::microseconds{std::llround(2 * rtt_us)};
  return std::min<Duration>(patience, kTrialTimeoutMax);
}

std::string word(const Json& report, const char* member) {
  const auto found = report.find(member);
  return found != report.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Of the pings that ended as the verdict says: who said so.
std::optional<IpAddress> told_by(const Json& report) {
  const auto pings = report.find("pings");
  if (pings == report.end() || !pings->is_array()) return {};
  for (const auto& ping : *pings) {
    if (!ping.is_object() || word(ping, "outcome") == "answered") continue;
    if (const auto address = IpAddress::parse(word(ping, "from"))) return address;
  }
  return {};
}

std::string outcome_of(const std::string& verdict) {
  if (verdict == "answered" || verdict == "open") return "ok";
  for (const auto* known :
       {"lossy", "refused", "filtered", "timeout", "unreachable", "loop", "too-big"}) {
    if (verdict == known) return verdict;
  }
  return "untold";
}

}  // namespace

std::vector<Trial> port_trials(const Inputs& inputs) {
  const auto& question = inputs.question;
  if (!question.port || question.protocol != "tcp" || question.past) return {};
  if (!can_test(inputs.a, inputs.b)) return {};
  return {{.what = fmt::format("tcp {}", *question.port), .port = *question.port}};
}

std::vector<Trial> way_trials(const Inputs& inputs) {
  if (inputs.question.past) return {};
  const Pair pair(inputs);
  if (is_told(verdict_of(pair, look_at_all(pair)))) return {};
  // Where nothing gets through, large packets do not, either.
  const auto size = pair.has(kDead) ? std::uint16_t{0} : full_size(pair);
  std::vector<Trial> trials;
  for (const bool from_b : {false, true}) {
    const auto& from = from_b ? inputs.b : inputs.a;
    const auto& to = from_b ? inputs.a : inputs.b;
    if (!can_test(from, to)) continue;
    trials.push_back({.from_b = from_b, .what = "icmp"});
    if (size != 0) trials.push_back({.from_b = from_b, .what = "mtu", .size = size});
  }
  return trials;
}

std::string order_of(const Trial& trial, const Inputs& inputs) {
  const auto milliseconds = [](Duration d) { return d / std::chrono::milliseconds{1}; };
  Json order{{"kind", trial.port == 0 ? "ping" : "port"},
             {"method", trial.port == 0 ? "icmp" : "tcp"},
             {"target", target_of(trial, inputs).address->to_string()},
             {"count", trial.port == 0 ? kTrialPackets : kTrialConnections},
             {"interval_ms", milliseconds(kTrialInterval)},
             {"timeout_ms", milliseconds(timeout_of(inputs))}};
  if (trial.port != 0) order["port"] = trial.port;
  if (trial.size != 0) order["size"] = trial.size;
  return order.dump();
}

Tried tried_of(const Trial& trial, std::string_view report) {
  Tried tried{.what = trial.what, .from_b = trial.from_b, .outcome = "untold"};
  const auto document = Json::parse(report, nullptr, false);
  if (!document.is_object()) return tried;
  tried.outcome = outcome_of(word(document, "verdict"));
  tried.detail = trial.size == 0 ? "" : fmt::format("{} bytes: ", trial.size);
  tried.detail += word(document, "summary");
  if (const auto rtt = document.find("rtt_us_median"); rtt != document.end() && rtt->is_number()) {
    tried.detail += fmt::format(", {:.2f} ms", rtt->get<double>() / 1000);
  }
  if (passed(tried) && trial.size != 0) tried.mtu = trial.size;
  if (!passed(tried)) tried.told_by = told_by(document);
  return tried;
}

std::string text_of(const Trial& trial, const Inputs& inputs) {
  return fmt::format("{} to {}: {}{}", tester_of(trial, inputs).name, target_of(trial, inputs).name,
                     trial.what, trial.size == 0 ? "" : fmt::format(" {}", trial.size));
}

}  // namespace faultline::diagnose
