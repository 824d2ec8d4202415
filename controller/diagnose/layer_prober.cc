// Layer prober: whether those who measure are well, and how old what they say is.
#include <fmt/format.h>

#include "controller/diagnose/layers.h"

namespace faultline::diagnose {
namespace {

// Above what the localizer and the far ends' counters say of where it is lost: it is not.
constexpr int kSaidByPing = 61;

std::string heard(const End& end) {
  return end.last_seen ? fmt::format("last heard at {}", format_rfc3339(*end.last_seen))
                       : std::string("never heard since the controller started");
}

// Whether others still get answers of it, though the controller hears nothing.
bool answers(const Pair& pair, const Side& side) {
  const auto& session = side.is_a ? pair.in.by_b : pair.in.by_a;
  return session && is_enough(*session) && !is_dead(*session);
}

std::string away_text(const End& end) {
  return fmt::format("; away from {} to {}, and what was lost meanwhile is left out",
                     format_rfc3339(end.away->from),
                     end.away->until ? format_rfc3339(*end.away->until) : "now");
}

// Its host answers every ping, and the probe nothing: neither measurements nor the controller.
// Where some come through, it may as well be the way that loses the others.
bool only_host_answers(const Pair& pair, const Side& side) {
  const auto& end = side.self;
  const auto* ping = answered_ping(pair.in, side);
  if (ping == nullptr || ping->outcome != "ok" || answers(pair, side)) return false;
  if (end.probe == ProbeState::kSilent) return true;
  const bool starved = end.sick >= kSick || end.lateness_ms >= kLateMs;
  return end.probe == ProbeState::kLive && end.unanswered && pair.has(kDead) && !starved;
}

void add_only_host(const Pair& pair, const Side& side, Checks& checks) {
  const auto& end = side.self;
  checks.push_back(
      {.layer = Layer::kProber,
       .level = level_of(pair, kDead),
       .code = "probe_down",
       .summary = pair.measured()
                      ? fmt::format("{}'s probe does not answer, and its host does: the probe "
                                    "does not run, or hangs",
                                    end.name)
                      : fmt::format("the controller hears nothing of {}'s probe, and its host "
                                    "answers",
                                    end.name),
       .nodes = {end.name},
       .evidence = {fmt::format("just now {} pings {}: {}", side.other.name, end.name,
                                answered_ping(pair.in, side)->detail),
                    fmt::format(
                        "{}: its probe was {}{}", end.name, heard(end),
                        end.unanswered ? ", and did not answer when it was asked now" : "")},
       .remedy = fmt::format("Start the probe on {}, or see why it hangs.", end.name),
       .command = "systemctl status faultline-probe; journalctl -u faultline-probe -n 50",
       .run_on = end.name,
       .explains = kDead,
       .weight = kSaidByPing});
}

void add_live(const Side& side, Checks& checks) {
  const auto& end = side.self;
  Check check{.layer = Layer::kProber,
              .level = Level::kOk,
              .code = "probe_live",
              .summary = fmt::format("{}: its probe is alive", end.name),
              .nodes = {end.name},
              .evidence = {heard(end)}};
  if (end.unanswered) check.summary += ", and did not answer just now";
  if (end.away) check.summary += away_text(end);
  checks.push_back(std::move(check));
}

// Without a controller nobody knows who has a probe.
void add_unseen(const Pair& pair, const Side& side, Checks& checks) {
  const auto& end = side.self;
  Check check{
      .layer = Layer::kProber,
      .level = Level::kUnknown,
      .code = "no_probe",
      .summary = fmt::format("{} has no probe: seen from {} only", end.name, side.other.name),
      .nodes = {end.name},
      .evidence = {fmt::format("{} is no node of the fleet", end.name)},
      .remedy = "A probe there would show its side, too.",
      .command = fmt::format("faultline node token create --node {}", end.name)};
  if (pair.is_offline()) {
    check.code = "facts_missing";
    check.summary = fmt::format("{} has no snapshot: seen from {} only", end.name, side.other.name);
    check.evidence = {fmt::format("none of the files is {}.json", end.name)};
    check.remedy = "A snapshot of it would show its side, too.";
    check.command = fmt::format("faultline-probe facts > {}.json", end.name);
    check.run_on = end.name;
  }
  checks.push_back(std::move(check));
}

void look_at_life(const Pair& pair, const Side& side, Checks& checks) {
  const auto& end = side.self;
  if (only_host_answers(pair, side)) return add_only_host(pair, side, checks);
  switch (end.probe) {
    case ProbeState::kLive:
      return add_live(side, checks);
    case ProbeState::kNone:
      return add_unseen(pair, side, checks);
    case ProbeState::kUnknown:
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
  if (!end.reach_sentence.empty()) {
    check.evidence.push_back(fmt::format("{}: {}", end.name, end.reach_sentence));
  }
  if (restarting) {
    check.summary = fmt::format("{}: its probe said goodbye and is expected back", end.name);
    check.remedy = fmt::format("Wait for it, or start it on {}.", end.name);
  } else if (alive) {
    check.summary = fmt::format(
        "{}: its probe answers measurements and does not reach the controller", end.name);
    check.remedy = "See what lies between that host and the controller's port 7400.";
  } else if (end.reach == "probe_down") {
    check.summary = fmt::format("the probe of {} is down, its host is up", end.name);
    check.remedy = fmt::format(
        "Start the probe on {}: without it nothing is measured to it, and nothing is lost.",
        end.name);
  } else if (end.reach == "node_down") {
    check.summary = fmt::format("{} is down or cut off: nothing of it answers", end.name);
    check.remedy =
        fmt::format("Log in to {} by its console: does it run, and has it a link?", end.name);
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

// No loss comes of it and no round trip; what was when, and which way it took long, is not sure.
void look_at_clock(const Side& side, Checks& checks) {
  const auto& end = side.self;
  if (end.probe == ProbeState::kNone || end.clock.empty()) return;
  checks.push_back({.layer = Layer::kProber,
                    .level = Level::kWarn,
                    .code = "clock_off",
                    .summary = fmt::format("{}: {}", end.name, end.clock),
                    .nodes = {end.name},
                    .evidence = {fmt::format("{}: its newest windows say so", end.name)},
                    .remedy =
                        "One-way delays of this node mean nothing, and its windows may be cut "
                        "wrong, until chrony or another NTP client keeps its clock.",
                    .command = "chronyc tracking",
                    .run_on = end.name,
                    .weight = 5});
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
    look_at_clock(side, checks);
    look_at_lateness(pair, side, checks);
    look_at_facts(pair, side, checks);
  }
}

}  // namespace faultline::diagnose
