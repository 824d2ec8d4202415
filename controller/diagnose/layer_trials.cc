// What the tests made just now say (trials.h): pings, packets of full size, the service's port.
// Each has a line of its own, so that it is seen what was tried.
#include <algorithm>

#include <fmt/format.h>

#include "controller/diagnose/layers.h"

namespace faultline::diagnose {
namespace {

constexpr int kSaidByRouter = 62;  // above what both ends' counters and the localizer tell of where
constexpr int kHostNotFound = 22;  // the last router has no answer of it: so much is known anyway

struct Ends {
  const End& from;
  const End& to;
};

Ends ends_of(const Pair& pair, const Tried& tried) {
  return tried.from_b ? Ends{pair.in.b, pair.in.a} : Ends{pair.in.a, pair.in.b};
}

std::string said(const Tried& tried) { return tried.detail.empty() ? tried.outcome : tried.detail; }

std::string evidence_of(const Pair& pair, const Tried& tried) {
  const auto ends = ends_of(pair, tried);
  const auto* what = tried.what == "icmp" ? "pings" : "tries";
  return fmt::format("just now {} {} {}: {}", ends.from.name, what, ends.to.name, said(tried));
}

// As the traces name it, which know more than an ICMP error does.
std::string device_at(const Pair& pair, const IpAddress& address) {
  const auto text = address.to_string();
  for (const auto* session : {&pair.in.by_a, &pair.in.by_b}) {
    if (!*session) continue;
    for (const auto& flow : (*session)->flows) {
      for (const auto* trace : {&flow.there, &flow.back}) {
        if (!*trace) continue;
        for (const auto& hop : (*trace)->hops) {
          if (hop.address == text && hop.device) return *hop.device;
        }
      }
    }
  }
  return text;
}

void add_line(const Pair& pair, const Tried& tried, Checks& checks) {
  const bool ok = passed(tried);
  const auto ends = ends_of(pair, tried);
  checks.push_back({.layer = Layer::kPath,
                    .level = ok ? Level::kOk : Level::kUnknown,
                    .code = ok ? "echo_answered" : "echo_unanswered",
                    .summary = evidence_of(pair, tried),
                    .nodes = {ends.from.name, ends.to.name}});
}

void add_filtered(const Pair& pair, const Tried& tried, Checks& checks) {
  const auto ends = ends_of(pair, tried);
  checks.push_back(
      {.layer = Layer::kFiltering,
       .level = Level::kWarn,
       .code = "icmp_filtered",
       .summary = fmt::format("something between {} and {} drops ICMP echo: a ping fails, and "
                              "that says nothing of the network",
                              ends.from.name, ends.to.name),
       .nodes = {ends.from.name, ends.to.name},
       .evidence = {evidence_of(pair, tried)},
       .remedy = "Nothing is broken. Accept ICMP where people are to use ping.",
       .command = fmt::format("tcpdump -ni any icmp and host {}",
                              ends.from.address ? ends.from.address->to_string() : ends.from.name),
       .run_on = ends.to.name,
       .weight = 15});
}

void add_loop(const Pair& pair, const Tried& tried, Checks& checks) {
  const auto ends = ends_of(pair, tried);
  const auto device = tried.told_by ? device_at(pair, *tried.told_by) : std::string("a router");
  checks.push_back(
      {.layer = Layer::kRoutes,
       .level = level_of(pair, kDead | kSubset),
       .code = "routing_loop",
       .summary = fmt::format("packets from {} to {} go in a circle by {} until they are too old",
                              ends.from.name, ends.to.name, device),
       .nodes = {ends.from.name, ends.to.name},
       .component = device,
       .evidence = {evidence_of(pair, tried)},
       .remedy = fmt::format("Compare the routes of {} with those of the next hop.", device),
       .command = fmt::format("ip route get {}",
                              ends.to.address ? ends.to.address->to_string() : ends.to.name),
       .run_on = device,
       .explains = kDead | kSubset,
       .weight = 88});
}

// A router on the way says that it cannot, or may not, pass it on. An end's own word is that of its
// tables and filters, which other layers know.
void add_refusal(const Pair& pair, const Tried& tried, Checks& checks) {
  const auto ends = ends_of(pair, tried);
  if (!tried.told_by || tried.told_by == ends.from.address || tried.told_by == ends.to.address) {
    return;
  }
  const auto device = device_at(pair, *tried.told_by);
  const bool knows_network = tried.detail.find("cannot reach the host") != std::string::npos;
  checks.push_back(
      {.layer = Layer::kPath,
       .level = level_of(pair, kDead),
       .code = "path_breaks",
       .summary = fmt::format("what {} sends to {} ends at {}, which says so", ends.from.name,
                              ends.to.name, device),
       .nodes = {ends.from.name, ends.to.name},
       .component = device,
       .evidence = {evidence_of(pair, tried)},
       .remedy = tried.outcome == "filtered" ? fmt::format("Look at the filters of {}.", device)
                                             : fmt::format("Look at the routes of {}.", device),
       .command = tried.outcome == "filtered"
                      ? std::string("nft list ruleset; iptables-save")
                      : fmt::format("ip route get {}",
                                    ends.to.address ? ends.to.address->to_string() : ends.to.name),
       .run_on = device,
       .explains = kDead,
       .weight = knows_network ? kHostNotFound : kSaidByRouter});
}

void look_at_echo(const Pair& pair, const Tried& tried, Checks& checks) {
  add_line(pair, tried, checks);
  if (passed(tried) || !is_telling(pair.in, tried)) return;
  if (tried.outcome == "loop") return add_loop(pair, tried, checks);
  if (!pair.works()) {
    if (tried.outcome == "unreachable" || tried.outcome == "filtered") {
      add_refusal(pair, tried, checks);
    }
    return;
  }
  const bool told = std::ranges::find(checks, "icmp_filtered", &Check::code) != checks.end();
  if (!told) add_filtered(pair, tried, checks);
}

// What somebody says of the port; that nothing listens the layer of filters tells better.
void look_at_port(const Pair& pair, Checks& checks) {
  const auto* tried = tried_port(pair);
  if (tried == nullptr) return;
  const bool ok = passed(*tried);
  const bool telling = is_telling(pair.in, *tried);
  const bool known = tried->outcome == "refused" || tried->outcome == "timeout";
  Check check{.layer = Layer::kFiltering,
              .level = ok        ? Level::kOk
                       : telling ? Level::kFail
                                 : Level::kUnknown,
              .code = ok                             ? "port_answers"
                      : known                        ? "port_" + tried->outcome
                      : tried->outcome == "filtered" ? "port_filtered"
                                                     : "port_unreachable",
              .summary = fmt::format("{} to {} {}, just now: {}", pair.in.a.name, pair.in.b.name,
                                     tried->what, tried->outcome),
              .nodes = {pair.in.b.name},
              .evidence = {evidence_of(pair, *tried)}};
  if (ok) return checks.push_back(std::move(check));
  if (!telling) {
    check.code = "port_untold";
    return checks.push_back(std::move(check));
  }
  const bool listens = std::ranges::find(checks, "port_open", &Check::code) != checks.end();
  if (listens && tried->outcome == "timeout" && pair.works()) {
    check.summary = fmt::format(
        "{} listens on {}, and what {} sends there gets no answer, while the network between them "
        "is fine: something drops it",
        pair.in.b.name, tried->what, pair.in.a.name);
  }
  check.remedy = tried->outcome == "refused"
                     ? "Something answered with a reset: nothing listens, or a filter rejects."
                 : listens ? "Look for a filter on the way that knows the port, or on the host."
                           : "No answer came: a filter drops it, or the way is cut.";
  check.command = "ss -ltnup; nft list ruleset";
  check.run_on = pair.in.b.name;
  check.explains = kPortDead;
  check.weight = 42;
  checks.push_back(std::move(check));
}

}  // namespace

void look_at_trials(const Pair& pair, Checks& checks) {
  look_at_port(pair, checks);
  for (const auto& tried : pair.in.tried) {
    if (tried.what == "icmp") look_at_echo(pair, tried, checks);
  }
  for (const auto& sentence : pair.in.untried) {
    checks.push_back({.layer = Layer::kPath,
                      .level = Level::kUnknown,
                      .code = "not_tried",
                      .summary = "not tried: " + sentence,
                      .nodes = {pair.in.a.name, pair.in.b.name}});
  }
}

}  // namespace faultline::diagnose
