// Layer quality: what is measured between the two ends, as it is: the symptoms in plain words.
#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "controller/diagnose/heard.h"
#include "controller/diagnose/layers.h"

namespace faultline::diagnose {
namespace {

// Packets lost in one direction of the pair, as both ends' sessions tell.
struct Direction {
  std::uint64_t there = 0;  // from A to B
  std::uint64_t back = 0;
  std::uint64_t untold = 0;
};

Direction lost_by(const Pair& pair, Counts Session::*counts) {
  Direction lost;
  if (pair.in.by_a) {
    const auto& a = (*pair.in.by_a).*counts;
    lost = {a.lost_there, a.lost_back, a.lost_undetermined};
  }
  if (pair.in.by_b) {
    const auto& b = (*pair.in.by_b).*counts;
    lost.there += b.lost_back;
    lost.back += b.lost_there;
    lost.untold += b.lost_undetermined;
  }
  return lost;
}

std::vector<std::string> both_evidence(const Pair& pair) {
  std::vector<std::string> lines;
  for (const auto& side : {pair.side_a(), pair.side_b()}) {
    if (side.session != nullptr) lines.push_back(evidence_of(side));
  }
  return lines;
}

// Who has no probe is not expected to measure.
std::vector<std::string> unmeasured(const Pair& pair) {
  std::vector<std::string> lines;
  for (const auto& side : {pair.side_a(), pair.side_b()}) {
    if (side.self.probe != ProbeState::kNone) lines.push_back(evidence_of(side));
  }
  return lines;
}

Check symptom(const Pair& pair, const char* code, Symptoms explains, int weight) {
  return {.layer = Layer::kQuality,
          .level = Level::kFail,
          .code = code,
          .nodes = {pair.in.a.name, pair.in.b.name},
          .evidence = both_evidence(pair),
          .explains = explains,
          .weight = weight};
}

// Which direction is dead, and how that is known.
struct DeadWay {
  bool there = false;  // from A to B
  bool back = false;
  std::vector<std::string> proof{};  // by the far ends' own counters; empty: by the sender's
};

DeadWay dead_way(const Pair& pair) {
  const auto a = pair.side_a();
  const auto b = pair.side_b();
  const auto from_a = arrives(a);
  const auto from_b = arrives(b);
  DeadWay dead;
  if (from_a) dead.proof.push_back(heard_text(a));
  if (from_b) dead.proof.push_back(heard_text(b));
  // What arrives and is not answered is lost on its way back.
  const bool a_gets_nothing = a.session != nullptr && is_dead(*a.session);
  const bool b_gets_nothing = b.session != nullptr && is_dead(*b.session);
  dead.back = from_b == false || (from_a == true && a_gets_nothing);
  dead.there = from_a == false || (from_b == true && b_gets_nothing);
  // Both proven open, or both shut: not one way.
  if (dead.there != dead.back && !dead.proof.empty()) return dead;
  if (dead.there && dead.back) return {};
  // The last ones before the silence tell their way, and nothing of the others'.
  const auto lost = lost_by(pair, &Session::now);
  if (lost.untold > lost.there + lost.back) return {};
  return {.there = lost.there > 0 && lost.back == 0, .back = lost.back > 0 && lost.there == 0};
}

// Where the localizer sees the loss of that direction, and of that alone.
const Accused* seen_at(const Pair& pair, const DeadWay& dead) {
  const Accused* best = nullptr;
  for (const auto& accused : pair.in.accused) {
    if (accused.on_way_there != dead.there || accused.on_way_back != dead.back) continue;
    if (accused.fault_class != "down" && accused.fault_class != "blackhole") continue;
    if (best == nullptr || accused.posterior > best->posterior) best = &accused;
  }
  return best;
}

// One end's packets are answered, so that both ways are open: the filtering layer tells what is
// not.
bool one_answers(const Pair& pair) {
  const auto answered = [](const std::optional<Session>& session) {
    return session && is_enough(*session) && !is_dead(*session);
  };
  return answered(pair.in.by_a) || answered(pair.in.by_b);
}

void add_dead(const Pair& pair, Checks& checks) {
  const auto dead = dead_way(pair);
  const bool back = dead.back;
  const bool one_way = dead.there || dead.back;
  const auto& from = back ? pair.in.b : pair.in.a;
  const auto& to = back ? pair.in.a : pair.in.b;
  // Proven by the far end it says more than where the localizer sees the trouble.
  const int weight = !one_way ? 10 : dead.proof.empty() ? 12 : 50;
  auto check = symptom(pair, one_way ? "one_way" : "unreachable", kDead, weight);
  check.evidence.insert(check.evidence.end(), dead.proof.begin(), dead.proof.end());
  const auto* seen = one_way ? seen_at(pair, dead) : nullptr;
  if (seen != nullptr) check.component = seen->id;
  check.summary =
      one_way ? fmt::format("nothing gets from {} to {}; the other way is open", from.name, to.name)
              : fmt::format("nothing gets through between {} and {}", from.name, to.name);
  if (seen != nullptr) check.summary += fmt::format("; it is lost at {} {}", seen->kind, seen->id);
  check.remedy = one_way ? fmt::format(
                               "Look for a filter or a missing route on the way from {} to "
                               "{} only.",
                               from.name, to.name)
                         : "Neither configuration explains it: follow the path to where it ends.";
  check.command = fmt::format("faultline path {} {}", from.name, to.name);
  checks.push_back(std::move(check));
}

void add_subset(const Pair& pair, Checks& checks) {
  auto check = symptom(pair, "flows_dead", kSubset, 11);
  std::vector<std::string> ports;
  for (const auto& side : {pair.side_a(), pair.side_b()}) {
    if (side.session == nullptr) continue;
    for (const auto& flow : side.session->flows) {
      if (flow.now.sent < kEnoughPacketsOfFlow || flow.now.lost() != flow.now.sent) continue;
      ports.push_back(fmt::format("{}:{}", side.self.name, flow.source_port));
    }
  }
  check.summary = fmt::format(
      "{} flows between {} and {} are dead, the others are well: one of the "
      "parallel ways is broken",
      ports.size(), pair.in.a.name, pair.in.b.name);
  check.evidence.push_back(fmt::format("dead: {}", fmt::join(ports, ", ")));
  check.remedy = "Compare the ways of dead flows with those of others.";
  check.command = fmt::format("faultline path {} {}", pair.in.a.name, pair.in.b.name);
  checks.push_back(std::move(check));
}

void add_lossy(const Pair& pair, Checks& checks) {
  const auto lost = lost_by(pair, &Session::minute);
  const auto all = lost.there + lost.back + lost.untold;
  auto check = symptom(pair, "lossy", kLossy, 10);
  std::string where = "in both directions";
  if (lost.untold > lost.there + lost.back) {
    where = "direction unknown";
    check.evidence.push_back("of most of them no later reply tells on which way they were lost");
  } else if (lost.there > 4 * lost.back) {
    where = fmt::format("from {} to {}", pair.in.a.name, pair.in.b.name);
    check.code = "lossy_there";
  } else if (lost.back > 4 * lost.there) {
    where = fmt::format("from {} to {}", pair.in.b.name, pair.in.a.name);
    check.code = "lossy_back";
  }
  std::uint64_t sent = 0;
  for (const auto* session : {&pair.in.by_a, &pair.in.by_b}) {
    if (*session) sent += (*session)->minute.sent;
  }
  check.summary = fmt::format("{:.3g} % of the packets between {} and {} are lost, {}",
                              100 * static_cast<double>(all) / static_cast<double>(sent),
                              pair.in.a.name, pair.in.b.name, where);
  check.evidence.push_back(
      fmt::format("in the last minute: {} of {} lost: {} from {} to {}, {} back, {} in an "
                  "unknown direction",
                  all, sent, lost.there, pair.in.a.name, pair.in.b.name, lost.back, lost.untold));
  check.remedy = "Too little to accuse a component yet, or it is at the ends: see who else loses.";
  check.command = "faultline matrix --by node; faultline localize --explain";
  checks.push_back(std::move(check));
}

void add_slow(const Pair& pair, Checks& checks) {
  auto check = symptom(pair, "slow", kSlow, 9);
  check.level = Level::kWarn;
  const auto& session = pair.in.by_a && is_slow(*pair.in.by_a) ? *pair.in.by_a : *pair.in.by_b;
  check.summary = fmt::format("round trips between {} and {} take {:.1f} ms, {:.1f} ms is usual",
                              pair.in.a.name, pair.in.b.name, *session.now.rtt_mean_us / 1000,
                              *session.earlier.rtt_mean_us / 1000);
  check.remedy = "Delays also come from busy hosts: compare with other pairs of both ends.";
  check.command = fmt::format("faultline history {} {} --since 1h", pair.in.a.name, pair.in.b.name);
  checks.push_back(std::move(check));
}

// Flows whose DSCP is another at the end of one way: by what it was and what it is there.
using Rewritten = std::map<std::pair<std::uint8_t, std::uint8_t>, std::vector<std::string>>;

// On the way from `from`: told by the far end of what `from` sends, and by the replies to the
// other's.
Rewritten rewritten_from(const Side& from, const Side& to) {
  Rewritten found;
  const auto note = [&found](const Side& sender, const Flow& flow, std::uint8_t arrived,
                             const char* what) {
    found[{flow.dscp, arrived}].push_back(
        fmt::format("{} {}:{}", what, sender.self.name, flow.source_port));
  };
  if (from.session != nullptr) {
    for (const auto& flow : from.session->flows) {
      const bool often = flow.dscp_rewritten >= kEnoughPacketsOfFlow;
      if (!often || !flow.dscp_there || *flow.dscp_there == flow.dscp) continue;
      note(from, flow, *flow.dscp_there, "packets of");
    }
  }
  if (to.session != nullptr) {
    for (const auto& flow : to.session->flows) {
      const bool often = flow.now.sent - flow.now.lost() >= kEnoughPacketsOfFlow;
      if (flow.dscp == 0 || !often || !flow.dscp_back || *flow.dscp_back == flow.dscp) continue;
      note(to, flow, *flow.dscp_back, "replies to");
    }
  }
  return found;
}

// No loss by itself, so that it explains none: who is in the wrong queue loses when that is full.
void add_rewritten(const Side& from, const Side& to, Checks& checks) {
  for (const auto& [values, flows] : rewritten_from(from, to)) {
    const auto& [sent, arrived] = values;
    checks.push_back(
        {.layer = Layer::kQuality,
         .level = Level::kWarn,
         .code = "dscp_rewritten",
         .summary = fmt::format("DSCP {} of what {} sends to {} arrives as {}: something on the "
                                "way rewrites it",
                                sent, from.self.name, to.self.name, arrived),
         .nodes = {from.self.name, to.self.name},
         .evidence = {fmt::format("sent with {}, arrived with {}: {}", sent, arrived,
                                  fmt::join(flows, ", "))},
         .remedy = fmt::format("Look where the class is set anew between {} and {}: a port that is "
                               "not trusted, a tunnel, a provider.",
                               from.self.name, to.self.name),
         .command = fmt::format("faultline path {} {}", from.self.name, to.self.name),
         .weight = 8});
  }
}

}  // namespace

void look_at_quality(const Pair& pair, Checks& checks) {
  if (pair.is_offline()) {
    checks.push_back(
        {.layer = Layer::kQuality,
         .level = Level::kUnknown,
         .code = "no_controller",
         .summary = "what is measured between them was not asked: only their "
                    "snapshots are compared",
         .nodes = {pair.in.a.name, pair.in.b.name},
         .remedy = "The controller knows what is measured, and who is alive.",
         .command = fmt::format("faultline diagnose {} {}", pair.in.a.name, pair.in.b.name)});
    return;
  }
  if (!pair.measured()) {
    checks.push_back({.layer = Layer::kQuality,
                      .level = Level::kUnknown,
                      .code = "not_measured",
                      .summary = fmt::format("nothing was measured between {} and {} lately",
                                             pair.in.a.name, pair.in.b.name),
                      .nodes = {pair.in.a.name, pair.in.b.name},
                      .evidence = unmeasured(pair),
                      .remedy = "The plan tells who measures whom.",
                      .command = fmt::format("faultline plan show {}", pair.in.a.name)});
    return;
  }
  if (pair.has(kDead) && !one_answers(pair)) add_dead(pair, checks);
  if (pair.has(kSubset)) add_subset(pair, checks);
  if (pair.has(kLossy)) add_lossy(pair, checks);
  if (pair.has(kSlow)) add_slow(pair, checks);
  add_rewritten(pair.side_a(), pair.side_b(), checks);
  add_rewritten(pair.side_b(), pair.side_a(), checks);
  if (pair.has(kDead) || pair.has(kSubset) || pair.has(kLossy) || pair.has(kSlow)) return;
  checks.push_back({.layer = Layer::kQuality,
                    .level = Level::kOk,
                    .code = "measured_well",
                    .summary = "what is measured between them is as usual",
                    .evidence = both_evidence(pair)});
}

}  // namespace faultline::diagnose
