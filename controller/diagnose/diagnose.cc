#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "controller/diagnose/layers.h"

namespace faultline::diagnose {

std::string_view to_string(Layer layer) {
  switch (layer) {
    case Layer::kProber:
      return "prober";
    case Layer::kAddressing:
      return "addressing";
    case Layer::kLink:
      return "l2";
    case Layer::kRoutes:
      return "routes";
    case Layer::kFiltering:
      return "filtering";
    case Layer::kMtu:
      return "mtu";
    case Layer::kPath:
      return "path";
    case Layer::kQuality:
      return "quality";
    case Layer::kHa:
      return "ha";
  }
  return "unknown";
}

std::string_view to_string(Level level) {
  switch (level) {
    case Level::kOk:
      return "ok";
    case Level::kUnknown:
      return "unknown";
    case Level::kWarn:
      return "warn";
    case Level::kFail:
      return "fail";
  }
  return "unknown";
}

// What ends all traffic is loss in the window in which it begins, and to flows that know other
// ways.
static bool explains(const Pair& pair, Symptoms symptoms) {
  if ((symptoms & kDead) != 0) symptoms |= kLossy | kSubset;
  return (pair.symptoms & symptoms) != 0;
}

Level level_of(const Pair& pair, Symptoms symptoms) {
  return explains(pair, symptoms) ? Level::kFail : Level::kWarn;
}

bool is_beside_port(const Question& question, const Check& check) {
  if (!question.port || (check.explains & kPortDead) != 0) return false;
  return check.code == "firewall_drops" || check.code == "firewall_may_drop" ||
         check.code == "firewall_drops_probe" || check.code == "probe_port_filtered";
}

namespace {

// "3 min", "2 h".
std::string age_text(Duration age) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(age).count();
  return minutes < 120 ? fmt::format("{} min", minutes) : fmt::format("{} h", minutes / 60);
}

bool is_cause(const Check& check) {
  return check.level == Level::kFail || check.level == Level::kWarn;
}

// That an end has no probe is part of every answer about it.
std::string seen_from(const Pair& pair) {
  const bool no_a = pair.in.a.probe == ProbeState::kNone;
  const bool no_b = pair.in.b.probe == ProbeState::kNone;
  if (no_a == no_b) return {};
  return fmt::format(" (seen from {} only: {} has no {})", no_a ? pair.in.b.name : pair.in.a.name,
                     no_a ? pair.in.a.name : pair.in.b.name,
                     pair.is_offline() ? "snapshot" : "probe");
}

// What is told of an end's configuration is of then, and may no longer be so.
std::string as_of(const Pair& pair) {
  std::string text;
  for (const auto& side : {pair.side_a(), pair.side_b()}) {
    if (!side.has_facts() || side.self.probe == ProbeState::kNone) continue;
    const auto age = pair.in.question.at - side.facts->facts.collected_at;
    if (age < kFactsOld) continue;
    text += fmt::format(" (what is known of {}'s configuration is {} old)", side.self.name,
                        age_text(age));
  }
  return text;
}

Verdict of_check(const Pair& pair, const Check& check) {
  return {.code = check.code,
          .level = check.level,
          .layer = check.layer,
          .nodes = check.nodes,
          .component = check.component,
          .sentence = check.summary + seen_from(pair) + as_of(pair),
          .remedy = check.remedy,
          .command = check.command,
          .run_on = check.run_on};
}

// Nothing answers there, by what is configured at the ends: no packet has to show it.
bool is_about_port(const Pair& pair, const Check& check) {
  return pair.in.question.port && (check.explains & kPortDead) != 0 && check.level == Level::kFail;
}

// Of causes: what explains a symptom first, then what breaks something, then what is merely seen,
// then what is about the port that is asked for, then the heaviest.
const Check* weightiest(const Pair& pair, const Checks& checks) {
  const Check* best = nullptr;
  const auto rank = [&](const Check& check) {
    const bool explained = explains(pair, check.explains) || is_about_port(pair, check);
    // That it is slow is no cause: what breaks something is told before it.
    const bool tells = explained && (check.layer != Layer::kQuality || check.level == Level::kFail);
    return std::tuple(tells, tells || check.level == Level::kFail, explained,
                      is_about_port(pair, check), check.weight);
  };
  for (const auto& check : checks) {
    if (!is_cause(check)) continue;
    if (best == nullptr || rank(check) > rank(*best)) best = &check;
  }
  return best;
}

// A service that listens may yet be filtered between the two: only a try from A shows it.
void tell_untried_port(const Pair& pair, Verdict& verdict) {
  const auto& question = pair.in.question;
  if (!question.port || !pair.in.b.address) return;
  const auto what = fmt::format("{} {}", question.protocol, *question.port);
  if (std::ranges::find(pair.in.tried, what, &Tried::what) != pair.in.tried.end()) return;
  verdict.sentence += fmt::format("; whether something on the way drops {} was not tried", what);
  verdict.remedy = fmt::format("Try it from {}.", pair.in.a.name);
  verdict.command =
      question.protocol == "udp"
          ? fmt::format("nc -vzu -w 2 {} {}", pair.in.b.address->to_string(), *question.port)
          : fmt::format("faultline-probe test port {} {}", pair.in.b.address->to_string(),
                        *question.port);
  verdict.run_on = pair.in.a.name;
}

// A ping, or a connection to the port that is asked for, that came through just now.
const Tried* got_through(const Pair& pair) {
  const auto* port = tried_port(pair);
  if (pair.in.question.port) return port != nullptr && passed(*port) ? port : nullptr;
  const auto echo = std::ranges::find_if(
      pair.in.tried, [](const Tried& tried) { return tried.what == "icmp" && passed(tried); });
  return echo == pair.in.tried.end() ? nullptr : &*echo;
}

// Nothing is wrong with the network; what is odd at an end is told all the same.
Verdict well(const Pair& pair, const Check* odd) {
  Verdict verdict{.code = "healthy", .level = Level::kOk};
  const auto* tried = pair.measured() ? nullptr : got_through(pair);
  const auto* port = tried_port(pair);
  const bool beside =
      odd != nullptr && is_beside_port(pair.in.question, *odd) && port != nullptr && passed(*port);
  verdict.sentence =
      beside
          ? fmt::format("{} of {} answers {} just now", port->what, pair.in.b.name, pair.in.a.name)
      : tried == nullptr
          ? fmt::format("the network between {} and {} is fine", pair.in.a.name, pair.in.b.name)
          : fmt::format("nothing measures between {} and {}, and just now {} got through",
                        pair.in.a.name, pair.in.b.name,
                        tried->what == "icmp" ? std::string("a ping") : tried->what);
  verdict.sentence += seen_from(pair) + as_of(pair);
  tell_untried_port(pair, verdict);
  if (odd == nullptr) return verdict;
  verdict.level = Level::kWarn;
  verdict.nodes = odd->nodes;
  verdict.sentence += "; worth a look: " + odd->summary;
  verdict.remedy = odd->remedy;
  verdict.command = odd->command;
  verdict.run_on = odd->run_on;
  const bool of_host =
      odd->code == "cpu_steal" || odd->code == "cpu_throttled" || odd->code == "prober_overloaded";
  if (of_host) verdict.code = "not_the_network";
  if (odd->code == "icmp_filtered") verdict.code = odd->code;
  return verdict;
}

Verdict unasked(const Pair& pair) {
  return {.code = "unknown",
          .level = Level::kUnknown,
          .sentence = fmt::format("nothing in the snapshots keeps {} and {} from talking{}{}; what "
                                  "is measured was not asked",
                                  pair.in.a.name, pair.in.b.name, seen_from(pair), as_of(pair)),
          .remedy = "The controller knows what is measured, and who is alive.",
          .command = fmt::format("faultline diagnose {} {}", pair.in.a.name, pair.in.b.name)};
}

Verdict nothing_known(const Pair& pair) {
  if (pair.is_offline()) return unasked(pair);
  const bool facts = pair.a != nullptr || pair.b != nullptr;
  Verdict verdict{.code = "unknown", .level = Level::kUnknown};
  const bool silent = std::ranges::any_of(
      pair.in.tried, [](const Tried& tried) { return tried.what == "icmp" && !passed(tried); });
  verdict.sentence =
      fmt::format("nothing measures between {} and {}{}{}{}", pair.in.a.name, pair.in.b.name,
                  facts ? ", and what is known of their configurations fits"
                        : ", and neither has told its configuration",
                  silent ? "; a ping just now got no answer" : "", seen_from(pair)) +
      as_of(pair);
  verdict.remedy = "Measure it, or ask the plan why it is not measured.";
  verdict.command = fmt::format("faultline plan show {}", pair.in.a.name);
  const bool no_a = pair.in.a.probe == ProbeState::kNone;
  const auto& other = no_a ? pair.in.a : pair.in.b;
  if (other.probe != ProbeState::kNone || !other.address) return verdict;
  verdict.run_on = no_a ? pair.in.b.name : pair.in.a.name;
  verdict.remedy = fmt::format("Nobody measures {}: test it from {}.", other.name, verdict.run_on);
  verdict.command = fmt::format("faultline-probe test ping {}", other.address->to_string());
  return verdict;
}

}  // namespace

Verdict verdict_of(const Pair& pair, const Checks& checks) {
  const auto design = std::ranges::find(checks, "unreachable_by_design", &Check::code);
  if (design != checks.end()) return of_check(pair, *design);
  const auto* cause = weightiest(pair, checks);
  const auto* port = tried_port(pair);
  const bool port_answers = port != nullptr && passed(*port);
  if (cause != nullptr && port_answers && is_beside_port(pair.in.question, *cause)) {
    return well(pair, cause);
  }
  const bool explained = cause != nullptr && explains(pair, cause->explains);
  if (explained || (cause != nullptr && cause->level == Level::kFail)) {
    auto verdict = of_check(pair, *cause);
    if (explained && verdict.level == Level::kWarn && cause->code == "prober_overloaded") {
      verdict.code = "not_the_network";
    }
    if (!explained && pair.works()) verdict.sentence += "; what is measured gets through";
    return verdict;
  }
  const bool asked_port = pair.in.question.port && pair.b != nullptr && pair.b->facts.listeners;
  const bool known = pair.measured() || asked_port || got_through(pair) != nullptr;
  if (!known || pair.is_offline()) {
    if (cause == nullptr) return nothing_known(pair);
    auto verdict = nothing_known(pair);
    verdict.sentence += "; worth a look: " + cause->summary;
    return verdict;
  }
  return well(pair, cause);
}

Checks look_at_all(const Pair& pair) {
  Checks checks;
  for (const auto look :
       {look_at_design, look_at_prober, look_at_addressing, look_at_link, look_at_routes,
        look_at_detours, look_at_filtering, look_at_translation, look_at_trials, look_at_mtu,
        look_at_path, look_at_quality, take_findings}) {
    look(pair, checks);
  }
  std::ranges::stable_sort(checks, [](const Check& a, const Check& b) {
    return std::tuple(a.layer, -static_cast<int>(a.level), -a.weight) <
           std::tuple(b.layer, -static_cast<int>(b.level), -b.weight);
  });
  return checks;
}

Diagnosis diagnose(const Inputs& inputs) {
  const Pair pair(inputs);
  Diagnosis diagnosis{.question = inputs.question, .a = inputs.a, .b = inputs.b};
  for (const auto* node : {pair.a, pair.b}) {
    diagnosis.facts_at.push_back(node == nullptr ? WallTime{} : node->facts.collected_at);
  }
  diagnosis.checks = look_at_all(pair);
  diagnosis.symptoms = pair.symptoms;
  diagnosis.verdict = verdict_of(pair, diagnosis.checks);
  return diagnosis;
}

}  // namespace faultline::diagnose
