// Layer prober: whether those who measure are well, and how old what they say is.
#include <fmt/format.h>

#include "controller/diagnose/layers.h"

namespace faultline::diagnose {
namespace {

std::string heard(const End& end) {
  return end.last_seen ? fmt::format("last heard at {}", format_rfc3339(*end.last_seen))
                       : std::string("never heard since the controller started");
}

// Whether others still get answers of it, though the controller hears nothing.
bool answers(const Pair& pair, const Side& side) {
  const auto& session = side.is_a ? pair.in.by_b : pair.in.by_a;
  return session && is_enough(*session) && !is_dead(*session);
}

void look_at_life(const Pair& pair, const Side& side, Checks& checks) {
  const auto& end = side.self;
  switch (end.probe) {
    case ProbeState::kLive:
      checks.push_back({.layer = Layer::kProber,
                        .level = Level::kOk,
                        .code = "probe_live",
                        .summary = fmt::format("{}: its probe is alive", end.name),
                        .nodes = {end.name},
                        .evidence = {heard(end)}});
      return;
    case ProbeState::kNone:
      checks.push_back(
          {.layer = Layer::kProber,
           .level = Level::kUnknown,
           .code = "no_probe",
           .summary = fmt::format("{} has no probe: seen from {} only", end.name, side.other.name),
           .nodes = {end.name},
           .evidence = {fmt::format("{} is no node of the fleet", end.name)},
           .remedy = "A probe there would show its side, too.",
           .command = fmt::format("faultline node token create --node {}", end.name)});
      return;
    case ProbeState::kRestarting:
    case ProbeState::kSilent:
    case ProbeState::kJoined:
      break;
  }
  const bool alive = answers(pair, side);
  const bool restarting = end.probe == ProbeState::kRestarting;
  Check check{.layer = Layer::kProber,
              .level = alive || restarting ? Level::kWarn : level_of(pair, kDead),
              .code = restarting ? "probe_restarting"
                      : alive    ? "probe_silent"
                                 : "probe_down",
              .nodes = {end.name},
              .evidence = {fmt::format("{}: {}", end.name, heard(end))},
              .explains = static_cast<Symptoms>(alive ? 0 : kDead),
              .weight = 40};
  if (restarting) {
    check.summary = fmt::format("{}: its probe said goodbye and is expected back", end.name);
    check.remedy = fmt::format("Wait for it, or start it on {}.", end.name);
  } else if (alive) {
    check.summary = fmt::format(
        "{}: its probe answers measurements and does not reach the controller", end.name);
    check.remedy = "See what lies between that host and the controller's port 7400.";
  } else {
    check.summary = fmt::format("{} is down or cut off, or its probe is not running", end.name);
    check.evidence.push_back(fmt::format("what {} says of itself is from before", end.name));
    check.remedy =
        fmt::format("Log in to {} by its console: does it run, and has it a link?", end.name);
  }
  check.command = "systemctl status faultline-probe; ip -s link; ip route";
  check.run_on = end.name;
  checks.push_back(std::move(check));
}

void look_at_load(const Side& side, Checks& checks) {
  const auto& end = side.self;
  if (end.probe == ProbeState::kNone || end.sick < kSick) return;
  checks.push_back({.layer = Layer::kProber,
                    .level = Level::kWarn,
                    .code = "prober_overloaded",
                    .summary = fmt::format("{}: its own measurements mean little: {}", end.name,
                                           end.sick_reason),
                    .nodes = {end.name},
                    .evidence = {fmt::format("{}: {:.0f} % sick: {}", end.name, 100 * end.sick,
                                             end.sick_reason)},
                    .remedy = fmt::format(
                        "Look at the processor time that {} gets, before the network.", end.name),
                    .command = "uptime; vmstat 1 5; cat /sys/fs/cgroup/cpu.stat",
                    .run_on = end.name,
                    .explains = kLossy | kSlow | kSubset,
                    .weight = 60});
}

// Late packets say that it gets too little of a processor; what it measures is slower than it is.
void look_at_lateness(const Pair& pair, const Side& side, Checks& checks) {
  const auto& end = side.self;
  if (end.probe == ProbeState::kNone || end.lateness_ms < kLateMs || end.sick >= kSick) return;
  checks.push_back(
      {.layer = Layer::kProber,
       .level = Level::kWarn,
       .code = "prober_overloaded",
       .summary = fmt::format("{}: its probe gets too little processor time: a packet that was due "
                              "waited {:.0f} ms",
                              end.name, end.lateness_ms),
       .nodes = {end.name},
       .evidence = {fmt::format("{}: packets were sent up to {:.0f} ms late", end.name,
                                end.lateness_ms)},
       .remedy =
           fmt::format("Look at the processor time that {} gets, before the network.", end.name),
       .command = "uptime; vmstat 1 5; cat /sys/fs/cgroup/cpu.stat",
       .run_on = end.name,
       .explains = kSlow,
       .weight = pair.has(kSlow) ? 45 : 14});
}

void look_at_facts(const Pair& pair, const Side& side, Checks& checks) {
  const auto& end = side.self;
  if (end.probe == ProbeState::kNone) return;
  if (!side.has_facts()) {
    checks.push_back({.layer = Layer::kProber,
                      .level = Level::kUnknown,
                      .code = "facts_missing",
                      .summary = fmt::format("{} has not told its configuration", end.name),
                      .nodes = {end.name},
                      .evidence = {"no facts of it are kept for that time"},
                      .remedy = "Its configuration can be read there.",
                      .command = "faultline-probe facts",
                      .run_on = end.name});
    return;
  }
  const auto age = pair.in.question.at - side.facts->facts.collected_at;
  if (age < kFactsOld) return;
  checks.push_back({.layer = Layer::kProber,
                    .level = Level::kUnknown,
                    .code = "facts_old",
                    .summary = fmt::format("{}: its configuration is told as of {}", end.name,
                                           format_rfc3339(side.facts->facts.collected_at)),
                    .nodes = {end.name},
                    .evidence = {"it may have changed since"},
                    .remedy = "Its configuration can be read there.",
                    .command = "faultline-probe facts",
                    .run_on = end.name});
}

}  // namespace

void look_at_prober(const Pair& pair, Checks& checks) {
  for (const auto& side : {pair.side_a(), pair.side_b()}) {
    look_at_life(pair, side, checks);
    look_at_load(side, checks);
    look_at_lateness(pair, side, checks);
    look_at_facts(pair, side, checks);
  }
}

}  // namespace faultline::diagnose
