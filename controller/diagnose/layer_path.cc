// Layer path: what the localizer accuses on the way, who else is cut off, and where traces end.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "controller/diagnose/heard.h"
#include "controller/diagnose/layers.h"

namespace faultline::diagnose {
namespace {

struct ClassInfo {
  const char* fault_class;
  const char* code;
  const char* does;
  Symptoms explains;
  int weight;
};
// Where it is: said when nothing tells why, so below what an end's own configuration says.
constexpr ClassInfo kClasses[] = {
    {"down", "path_down", "carries nothing", kDead | kSubset | kLossy, 49},
    {"blackhole", "path_blackhole", "swallows some flows and carries others",
     kSubset | kLossy | kDead, 48},
    {"loss", "path_loss", "loses packets", kLossy | kSubset | kDead, 47},
    {"mtu", "path_mtu", "drops large packets", kMtuLow | kLossy, 47},
    {"congestion", "path_congested", "is full", kLossy | kSlow, 46},
    {"delay", "path_delay", "is slow", kSlow, 46},
    {"sick_host", "prober_overloaded", "was starved of processor time", kLossy | kSlow | kSubset,
     44},
};

constexpr int kBelowSilence = 39;  // probe_down has 40

const ClassInfo& info_of(const std::string& fault_class) {
  for (const auto& info : kClasses) {
    if (fault_class == info.fault_class) return info;
  }
  return kClasses[2];
}

std::string way_of(const Pair& pair, const Accused& accused) {
  if (accused.on_way_there && accused.on_way_back) {
    return fmt::format("both ways between {} and {}", pair.in.a.name, pair.in.b.name);
  }
  return accused.on_way_there
             ? fmt::format("the way from {} to {}", pair.in.a.name, pair.in.b.name)
             : fmt::format("the way from {} to {}", pair.in.b.name, pair.in.a.name);
}

// An end that the controller hears no more, or its own cable: that it is silent tells the same, and
// more of it.
bool is_silent_end(const Pair& pair, const Accused& accused) {
  return std::ranges::any_of(std::array{&pair.in.a, &pair.in.b}, [&](const End* end) {
    const auto is_of = [&](const std::string& id) {
      return id == end->name || id.ends_with(">" + end->name) || id.starts_with(end->name + ">");
    };
    return end->probe == ProbeState::kSilent &&
           (is_of(accused.id) || std::ranges::any_of(accused.ambiguous_with, is_of));
  });
}

// On one direction only, and the far end hears what is sent that way.
bool is_proven_open(const Pair& pair, const Accused& accused) {
  if (!pair.has(kDead) || accused.on_way_there == accused.on_way_back) return false;
  return arrives(accused.on_way_there ? pair.side_a() : pair.side_b()) == true;
}

void look_at_accused(const Pair& pair, Checks& checks) {
  bool any = false;
  for (const auto& accused : pair.in.accused) {
    if (!accused.on_way_there && !accused.on_way_back) continue;
    any = true;
    const auto& info = info_of(accused.fault_class);
    Check check{.layer = Layer::kPath,
                .level = info.explains == kSlow ? level_of(pair, kSlow | kLossy) : Level::kFail,
                .code = info.code,
                .component = accused.id,
                .explains = info.explains,
                .weight = info.weight};
    check.summary = fmt::format(
        "{} {} {}{}, and it is on {}", accused.kind, accused.id, info.does,
        accused.loss && *accused.loss > 0 ? fmt::format(" ({:.3g} %)", 100 * *accused.loss) : "",
        way_of(pair, accused));
    check.evidence = {fmt::format(
        "the localizer is {:.1f} % sure, over all pairs{}", 100 * accused.posterior,
        accused.incident.empty() ? "" : ", and incident " + accused.incident + " is open")};
    if (!accused.ambiguous_with.empty()) {
      check.evidence.push_back(
          fmt::format("it cannot be told from {}", fmt::join(accused.ambiguous_with, ", ")));
    }
    check.remedy = fmt::format("Take {} out of service or repair it.", accused.id);
    check.command = accused.incident.empty()
                        ? std::string("faultline localize --explain")
                        : fmt::format("faultline incident show {}", accused.incident);
    if (accused.kind == "host" || accused.kind == "vm") check.nodes = {accused.id};
    if (is_silent_end(pair, accused)) check.weight = kBelowSilence;
    if (is_proven_open(pair, accused)) {
      check.level = Level::kWarn;
      check.weight = kBelowSilence;
      check.explains = 0;
      check.evidence.push_back("what is sent that way between these two arrives all the same");
    }
    checks.push_back(std::move(check));
  }
  if (any || pair.is_offline()) return;
  checks.push_back({.layer = Layer::kPath,
                    .level = Level::kOk,
                    .code = "nothing_accused",
                    .summary = "the localizer accuses nothing on the way",
                    .command = "faultline localize --explain"});
}

// What the two lost of each other in the last minute, by whoever measures.
bool lost_nothing(const Pair& pair) {
  if (!pair.measured()) return false;
  const auto is_clean = [](const std::optional<Session>& session) {
    return !session || (session->minute.lost() == 0 && session->now.lost() == 0);
  };
  return is_clean(pair.in.by_a) && is_clean(pair.in.by_b);
}

// One end is dead with everybody: what is between is not the question. What it has with others only
// is none of this pair.
void look_at_company(const Pair& pair, const Side& side, Checks& checks) {
  const auto& company = side.self.company;
  if (!company || company->peers < 2 || lost_nothing(pair)) return;
  const bool alone = company->peers_dead == company->peers;
  const bool lossy = company->peers_lossy + company->peers_dead == company->peers;
  if (!alone && !lossy) return;
  const auto& others = side.other.company;
  const bool other_too = others && others->peers >= 2 &&
                         (alone ? others->peers_dead : others->peers_lossy) == others->peers;
  if (other_too) return;  // not the end's own trouble, or both have one
  const Symptoms explains = alone ? kDead | kSubset | kLossy : kLossy | kSubset;
  checks.push_back(
      {.layer = Layer::kPath,
       .level = level_of(pair, explains),
       .code = alone ? "cut_off" : "lossy_with_all",
       .summary = alone ? fmt::format("{} reaches none of the {} others that are measured "
                                      "with it: the trouble is at its own side",
                                      side.self.name, company->peers)
                        : fmt::format("{} loses packets with all {} others that are "
                                      "measured with it: the trouble is at its own side",
                                      side.self.name, company->peers),
       .nodes = {side.self.name},
       .evidence = {fmt::format("{}: {} others, {} dead, {} lossy", side.self.name, company->peers,
                                company->peers_dead, company->peers_lossy)},
       .remedy =
           fmt::format("Look at {}'s own link, addresses, routes and firewall.", side.self.name),
       .command = "ip -s link; ip addr; ip route; nft list ruleset",
       .run_on = side.self.name,
       .explains = explains,
       .weight = 35});
}

const Hop* last_hop(const Trace& trace) {
  for (auto hop = trace.hops.rbegin(); hop != trace.hops.rend(); ++hop) {
    if (hop->device || hop->address) return &*hop;
  }
  return nullptr;
}

std::string why_ended(const Trace& trace) {
  if (trace.ended == "silent") return ": nobody behind that answered";
  if (trace.ended == "unreachable") return ": that router said that it cannot go further";
  if (trace.ended == "loop") return ": the way comes back to a router that it has left";
  if (trace.ended == "too_long") return ": the far end was not reached within the hops of a trace";
  return {};
}

// Traces that ended before the other side.
void look_at_traces(const Pair& pair, const Side& side, Checks& checks) {
  if (side.session == nullptr || !pair.has(kDead)) return;
  for (const auto& flow : side.session->flows) {
    const auto& trace = flow.there;
    if (!trace || trace->complete || trace->hops.size() < 2) continue;
    if (trace->traced_at < side.session->from) continue;  // of before
    const auto* last = last_hop(*trace);
    if (last == nullptr) continue;
    const auto where = last->device.value_or(last->address.value_or("?"));
    checks.push_back(
        {.layer = Layer::kPath,
         .level = Level::kFail,
         .code = "path_breaks",
         .summary = fmt::format("what {} sends to {} is last seen at {}", side.self.name,
                                side.other.name, where),
         .nodes = {side.self.name, side.other.name},
         .component = where,
         .evidence = {fmt::format("traced from port {} at {}{}", flow.source_port,
                                  format_rfc3339(trace->traced_at), why_ended(*trace))},
         .remedy = fmt::format("Look at {} and at what comes behind it.", where),
         .command = fmt::format("faultline path {} {}", side.self.name, side.other.name),
         .explains = kDead,
         .weight = 22});
    return;
  }
}

}  // namespace

void look_at_path(const Pair& pair, Checks& checks) {
  look_at_accused(pair, checks);
  look_at_company(pair, pair.side_a(), checks);
  look_at_company(pair, pair.side_b(), checks);
  look_at_traces(pair, pair.side_a(), checks);
  look_at_traces(pair, pair.side_b(), checks);
}

}  // namespace faultline::diagnose
