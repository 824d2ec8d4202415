// Layer filtering: the firewalls of both ends, the service's port, and the cloud's rules.
#include <algorithm>

#include <fmt/format.h>

#include "controller/diagnose/layers.h"
#include "controller/diagnose/packet_filter.h"
#include "controller/diagnose/routing.h"

namespace faultline::diagnose {
namespace {

// One conversation, from who begins it.
struct Talk {
  Side from;
  Side to;
  std::string protocol;
  std::uint16_t port = 0;
  bool service = false;  // of the question; else the probes' own
};

std::string interface_of(const Side& side) {
  if (!side.has_facts() || !side.self.address) return {};
  const auto* own = configured(side.facts->facts, *side.self.address);
  return own == nullptr ? std::string() : own->interface;
}

std::string accept_command(const Ruling& ruling, const std::string& hook, const Talk& talk) {
  if (ruling.iptables) {
    return fmt::format("iptables -I {} -p {} --dport {} {} {} -j ACCEPT", ruling.chain_name,
                       talk.protocol, talk.port, hook == "input" ? "-s" : "-d",
                       (hook == "input" ? talk.from : talk.to).self.address->to_string());
  }
  return fmt::format("nft insert rule {} ip {} {} {} dport {} accept", ruling.chain,
                     hook == "input" ? "saddr" : "daddr",
                     (hook == "input" ? talk.from : talk.to).self.address->to_string(),
                     talk.protocol, talk.port);
}

// What `side` does to the talk's packets in one of its hooks.
void look_at_hook(const Pair& pair, const Talk& talk, const Side& side, const std::string& hook,
                  bool reply, Checks& checks) {
  if (!side.has_facts() || !side.facts->facts.firewall) return;
  const auto& source = reply ? talk.to : talk.from;
  const auto& target = reply ? talk.from : talk.to;
  Packet packet{.protocol = talk.protocol,
                .src = *source.self.address,
                .dst = *target.self.address,
                .port = reply ? std::nullopt : std::optional(talk.port),
                .reply = reply,
                .interface = interface_of(side)};
  const auto ruling = rule_on(*side.facts->facts.firewall, hook, packet);
  if (ruling.fate == Fate::kPasses || ruling.fate == Fate::kUnknown) return;
  Symptoms explains = talk.service ? kPortDead : kDead | kLossy | kSubset;
  if (ruling.fate == Fate::kPartly) explains = talk.service ? kPortDead : kLossy | kSubset;
  const bool certain = ruling.fate == Fate::kDropped || ruling.fate == Fate::kPartly;
  Check check{.layer = Layer::kFiltering,
              .level = Level::kWarn,
              .code = certain ? "firewall_drops" : "firewall_may_drop",
              .nodes = {side.self.name},
              .run_on = side.self.name,
              .explains = explains,
              .weight = certain ? 96 : 44};
  check.level = certain && talk.service ? Level::kFail : level_of(pair, explains);
  check.summary = fmt::format("{}: its own firewall {} {} {} {} {} {}", side.self.name,
                              ruling.fate == Fate::kPartly ? "drops some"
                              : certain                    ? "drops"
                                                           : "may drop",
                              reply ? "answers to" : "what comes for", talk.protocol, talk.port,
                              hook == "input" ? "from" : "to",
                              hook == "input" ? source.self.name : target.self.name);
  check.evidence = {
      fmt::format("{}: {} ({}): {}", side.self.name, ruling.chain, hook, ruling.rule)};
  check.remedy = certain ? "Accept it before that rule or policy, unless it is meant."
                         : "Follow the rule: it asks more of a packet than is known here.";
  check.command = certain && !reply ? accept_command(ruling, hook, talk)
                  : ruling.iptables ? std::string("iptables-legacy-save -c || iptables-save -c")
                                    : std::string("nft list ruleset");
  checks.push_back(std::move(check));
}

void look_at_talk(const Pair& pair, const Talk& talk, Checks& checks) {
  if (!talk.from.self.address || !talk.to.self.address) return;
  look_at_hook(pair, talk, talk.from, "output", false, checks);
  look_at_hook(pair, talk, talk.to, "input", false, checks);
  look_at_hook(pair, talk, talk.to, "output", true, checks);
  look_at_hook(pair, talk, talk.from, "input", true, checks);
}

// Each side answers the other's packets, but not the other way round: what is closed is a port.
void look_at_one_way(const Pair& pair, Checks& checks) {
  const auto& by_a = pair.in.by_a;
  const auto& by_b = pair.in.by_b;
  if (!by_a || !by_b || !is_enough(*by_a) || !is_enough(*by_b)) return;
  if (is_dead(*by_a) == is_dead(*by_b)) return;
  const auto& closed = is_dead(*by_a) ? pair.side_b() : pair.side_a();
  checks.push_back(
      {.layer = Layer::kFiltering,
       .level = Level::kFail,
       .code = "probe_port_filtered",
       .summary = fmt::format("{} gets no answer of {}'s udp port {}, and {} does of {}'s: "
                              "both ways are open, that port is not",
                              closed.other.name, closed.self.name, closed.self.probe_port,
                              closed.self.name, closed.other.name),
       .nodes = {closed.self.name},
       .evidence = {evidence_of(pair.side_a()), evidence_of(pair.side_b())},
       .remedy = fmt::format("Look for a filter on {} or before it that knows the port.",
                             closed.self.name),
       .command = fmt::format("ss -ulnp sport = :{}; nft list ruleset", closed.self.probe_port),
       .run_on = closed.self.name,
       .explains = kDead,
       .weight = 45});
}

// Measurement passes, and echo requests would not: that is no fault of the network.
void look_at_icmp(const Side& side, Checks& checks) {
  if (!side.has_facts() || !side.facts->facts.firewall || !side.self.address) return;
  if (!side.other.address || !side.self.address->is_v4()) return;
  const auto ruling = rule_on(*side.facts->facts.firewall, "input",
                              {.protocol = "icmp",
                               .src = *side.other.address,
                               .dst = *side.self.address,
                               .interface = interface_of(side)});
  if (ruling.fate != Fate::kDropped) return;
  checks.push_back(
      {.layer = Layer::kFiltering,
       .level = Level::kWarn,
       .code = "icmp_filtered",
       .summary = fmt::format("{} drops ICMP echo: a ping fails there, and that says "
                              "nothing of the network",
                              side.self.name),
       .nodes = {side.self.name},
       .evidence = {fmt::format("{}: {}: {}", side.self.name, ruling.chain, ruling.rule)},
       .remedy = "Nothing is broken. Accept ICMP where people are to use ping.",
       .command = "iptables -L INPUT -v -n; nft list ruleset",
       .run_on = side.self.name,
       .weight = 15});
}

void look_at_listener(const Pair& pair, Checks& checks) {
  const auto& question = pair.in.question;
  const auto& end = pair.in.b;
  const auto asked = fmt::format("{} {}", question.protocol, *question.port);
  if (pair.b == nullptr || !pair.b->facts.listeners) {
    checks.push_back({.layer = Layer::kFiltering,
                      .level = Level::kUnknown,
                      .code = "listener_unknown",
                      .summary = fmt::format("whether anything listens on {} of {} is not known",
                                             asked, end.name),
                      .nodes = {end.name},
                      .remedy = fmt::format("{} can tell.", end.name),
                      .command = fmt::format("ss -ltnup sport = :{}", *question.port),
                      .run_on = end.name});
    return;
  }
  const auto& listeners = *pair.b->facts.listeners;
  std::vector<std::string> elsewhere;
  for (const auto& listener : listeners.items) {
    if (listener.protocol != question.protocol || listener.port != *question.port) continue;
    const bool any = listener.address == IpAddress::v4(0) || listener.address.to_string() == "::";
    if (any || listener.address == end.address) {
      checks.push_back({.layer = Layer::kFiltering,
                        .level = Level::kOk,
                        .code = "port_open",
                        .summary = fmt::format("{} listens on {}", end.name, asked),
                        .nodes = {end.name}});
      return;
    }
    elsewhere.push_back(listener.address.to_string());
  }
  if (!listeners.complete()) return;
  const bool local = !elsewhere.empty();
  checks.push_back({.layer = Layer::kFiltering,
                    .level = Level::kFail,
                    .code = local ? "port_local_only" : "port_closed",
                    .summary = local ? fmt::format("{}: {} is open at {} only", end.name, asked,
                                                   fmt::join(elsewhere, ", "))
                                     : fmt::format("nothing listens on {} of {}", asked, end.name),
                    .nodes = {end.name},
                    .evidence = {fmt::format(
                        "{}: {} listening ports, none of them {} at {}", end.name, listeners.total,
                        asked, end.address ? end.address->to_string() : "its address")},
                    .remedy = local ? "Let the service bind to 0.0.0.0 or to that address."
                                    : "Start the service, or ask for the port that it has.",
                    .command = fmt::format("ss -ltnup sport = :{}", *question.port),
                    .run_on = end.name,
                    .explains = kPortDead,
                    .weight = 80});
}

void add_nothing_found(const Pair& pair, Checks& checks) {
  for (const auto& side : {pair.side_a(), pair.side_b()}) {
    if (!side.has_facts()) continue;
    const bool known = side.facts->facts.firewall.has_value();
    const bool told = std::ranges::any_of(checks, [&](const Check& check) {
      return check.layer == Layer::kFiltering && check.nodes == std::vector{side.self.name} &&
             check.code.starts_with("firewall");
    });
    if (told) continue;
    checks.push_back(
        {.layer = Layer::kFiltering,
         .level = known ? Level::kOk : Level::kUnknown,
         .code = known ? "firewall_passes" : "firewall_unknown",
         .summary = known
                        ? fmt::format("{}: its own firewall stops nothing of this", side.self.name)
                        : fmt::format("{}: its firewall could not be read", side.self.name),
         .nodes = {side.self.name}});
  }
}

// The cloud's answer against what is measured.
void look_at_cloud(const Pair& pair, Checks& checks) {
  if (!pair.in.cloud) return;
  const auto& cloud = *pair.in.cloud;
  const auto* tried = tried_port(pair);
  const bool about_port = pair.in.question.port.has_value();
  const bool known = about_port ? tried != nullptr : pair.measured();
  const bool works = about_port ? known && passed(*tried) : pair.works();
  Check check{
      .layer = Layer::kFiltering, .level = Level::kOk, .nodes = {pair.in.a.name, pair.in.b.name}};
  check.component = cloud.element;
  check.evidence = {cloud.sentence};
  if (cloud.verdict == "unknown") {
    check.level = Level::kUnknown;
    check.code = "cloud_unknown";
    check.summary = "the cloud's snapshot does not tell";
  } else if (cloud.verdict == "allowed") {
    const bool fails = known && !works;
    check.level = fails ? Level::kWarn : Level::kOk;
    check.code = fails ? "cloud_allows_but_fails" : "cloud_allows";
    check.summary = fails ? "the cloud's rules allow it, and it fails: they are not the reason"
                          : "the cloud's rules allow it";
    if (fails) check.remedy = "Look at the machines' own firewalls and at what listens.";
  } else if (known && works) {
    check.level = Level::kWarn;
    check.code = "cloud_snapshot_stale";
    check.summary = "the cloud's rules deny it, and it works: the snapshot is not of now";
    check.remedy = "Save the cloud's descriptions again.";
    check.command = "faultline vpc check FOLDER";
  } else {
    check.level = Level::kFail;
    check.code = "cloud_denies";
    check.summary =
        fmt::format("the cloud's rules deny it{}: {}", cloud.on_way_back ? " on the way back" : "",
                    cloud.rule.empty() ? "no rule admits it" : cloud.rule);
    check.evidence.push_back(fmt::format("code {} at {}", cloud.code, cloud.element));
    check.remedy = fmt::format("Add the rule at {}.", cloud.element);
    check.command = fmt::format("faultline explain {}", cloud.code);
    check.explains = about_port ? kPortDead : kDead;
    check.weight = 97;
  }
  checks.push_back(std::move(check));
}

}  // namespace

void look_at_filtering(const Pair& pair, Checks& checks) {
  const auto a = pair.side_a();
  const auto b = pair.side_b();
  const auto& question = pair.in.question;
  if (question.port) {
    look_at_talk(pair, {a, b, question.protocol, *question.port, true}, checks);
    look_at_listener(pair, checks);
  }
  if (b.self.probe != ProbeState::kNone) {
    look_at_talk(pair, {a, b, "udp", b.self.probe_port, false}, checks);
  }
  if (a.self.probe != ProbeState::kNone) {
    look_at_talk(pair, {b, a, "udp", a.self.probe_port, false}, checks);
  }
  look_at_one_way(pair, checks);
  for (const auto& side : {a, b}) look_at_icmp(side, checks);
  look_at_cloud(pair, checks);
  add_nothing_found(pair, checks);
}

}  // namespace faultline::diagnose
