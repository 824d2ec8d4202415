#include "controller/diagnose/pair.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "controller/diagnose/check.h"
#include "controller/diagnose/routing.h"

namespace faultline::diagnose {
namespace {

bool is_dead_flow(const Flow& flow) {
  return flow.now.sent >= kEnoughPacketsOfFlow && flow.now.lost() == flow.now.sent;
}

// By name; an address without a probe of its own may be an extra one of nodes, such as a VIP.
std::vector<const NodeFacts*> holders_of(const Inputs& inputs, const End& end) {
  std::vector<const NodeFacts*> holders;
  for (const auto& node : inputs.facts) {
    const bool holds = end.probe == ProbeState::kNone && end.address &&
                       configured(node.facts, *end.address) != nullptr;
    if (node.node == end.name || holds) holders.push_back(&node);
  }
  return holders;
}

const NodeFacts* facts_of(const Inputs& inputs, const End& end) {
  const auto holders = holders_of(inputs, end);
  return holders.empty() ? nullptr : holders.front();
}

// Whose findings matter to the pair: the ends, who else holds their addresses, and the hosts that
// they are virtual machines of.
std::set<std::string> concerned(const Inputs& inputs, const std::vector<Placement>& placements) {
  auto names = names_of(inputs, inputs.a);
  names.merge(names_of(inputs, inputs.b));
  for (const auto& placement : placements) {
    const bool ours = placement.vm == inputs.a.name || placement.vm == inputs.b.name;
    if (ours && !placement.host.empty()) names.insert(placement.host);
  }
  return names;
}

// All flows of large packets are dead, and none of small ones.
bool only_large_die(const Session& session) {
  bool large = false;
  for (const auto& flow : session.flows) {
    if (flow.now.sent < kEnoughPacketsOfFlow) continue;
    if ((flow.size >= kLargeSize) != is_dead_flow(flow)) return false;
    large = large || flow.size >= kLargeSize;
  }
  return large;
}

// What the last minute lost and the newest windows would have lost, too, and did not.
bool is_over(const Inputs& inputs) {
  double expected = 0;
  for (const auto* session : {&inputs.by_a, &inputs.by_b}) {
    if (!*session) continue;
    Counts newest;
    for (const auto& flow : (*session)->flows) {
      newest.sent += flow.now.sent;
      if (flow.now.lost() > 0) return false;
    }
    if ((*session)->now.lost() > 0) return false;
    expected += (*session)->minute.loss() * static_cast<double>(newest.sent);
  }
  return expected >= kExpectedLostMin;
}

// Losses in one direction that are too few in either end's session, and enough in both. As so few
// may be of before, some of them have to be of the newest windows.
bool is_lossy_together(const Inputs& inputs, bool there) {
  if (!inputs.by_a || !inputs.by_b) return false;
  const auto lost = [&](const Counts& a, const Counts& b) {
    return there ? a.lost_there + b.lost_back : a.lost_back + b.lost_there;
  };
  std::uint64_t now = 0;
  for (const auto& flow : inputs.by_a->flows) now += lost(flow.now, {});
  for (const auto& flow : inputs.by_b->flows) now += lost({}, flow.now);
  const auto& a = inputs.by_a->minute;
  const auto& b = inputs.by_b->minute;
  const auto minute = lost(a, b);
  const auto sent = static_cast<double>(a.sent + b.sent);
  return now >= kLostNowMin && minute >= kLostMin && static_cast<double>(minute) > 0.01 * sent;
}

Symptoms symptoms_of(const Session& session) {
  if (!is_enough(session)) return 0;
  if (is_dead(session)) return kDead;
  Symptoms found = 0;
  if (is_partly_dead(session)) found |= only_large_die(session) ? kMtuLow : kSubset;
  if (is_lossy(session)) found |= kLossy;
  if (is_slow(session)) found |= kSlow;
  return found;
}

Symptoms symptoms_of(const Tried& tried) {
  if (passed(tried)) return 0;
  if (tried.what.starts_with("tcp")) return kPortDead;
  return tried.what == "mtu" ? kMtuLow : 0;
}

}  // namespace

const Tried* answered_ping(const Inputs& inputs, const Side& target) {
  const auto found = std::ranges::find_if(inputs.tried, [&](const Tried& tried) {
    return tried.what == "icmp" && tried.from_b == target.is_a && passed(tried);
  });
  return found == inputs.tried.end() ? nullptr : &*found;
}

const Tried* tried_port(const Pair& pair) {
  if (!pair.in.question.port) return nullptr;
  const auto what = fmt::format("{} {}", pair.in.question.protocol, *pair.in.question.port);
  const auto found = std::ranges::find_if(
      pair.in.tried, [&](const Tried& tried) { return !tried.from_b && tried.what == what; });
  return found == pair.in.tried.end() ? nullptr : &*found;
}

bool is_telling(const Inputs& inputs, const Tried& tried) {
  const auto& tester = tried.from_b ? inputs.b : inputs.a;
  const bool starved = tester.sick >= kSick || tester.lateness_ms >= kLateMs;
  if (starved && tried.outcome == "timeout") return false;
  if (tried.what != "mtu") return true;
  const auto echo = std::ranges::find_if(inputs.tried, [&](const Tried& other) {
    return other.what == "icmp" && other.from_b == tried.from_b;
  });
  return echo == inputs.tried.end() || echo->outcome == "ok";
}

std::optional<SendSize> send_size(const Side& side) {
  if (!side.has_facts() || !side.self.address || !side.other.address) return std::nullopt;
  const auto way = way_to(side.facts->facts, *side.self.address, *side.other.address);
  if (way.route == nullptr || way.route->next_hops.empty()) return std::nullopt;
  const auto* interface = find_interface(side.facts->facts, way.route->next_hops.front().interface);
  if (interface == nullptr) return std::nullopt;
  return SendSize{interface->name,
                  std::min(interface->mtu, way.route->mtu.value_or(interface->mtu))};
}

const Placement* placement_of(const Pair& pair, const End& end) {
  const auto found = std::ranges::find(pair.placements, end.name, &Placement::vm);
  return found == pair.placements.end() ? nullptr : &*found;
}

std::set<std::string> names_of(const Inputs& inputs, const End& end) {
  std::set<std::string> names{end.name};
  for (const auto* node : holders_of(inputs, end)) names.insert(node->node);
  return names;
}

bool is_enough(const Session& session) { return session.now.sent >= kEnoughPackets; }

bool is_dead(const Session& session) {
  return is_enough(session) && session.now.lost() == session.now.sent;
}

bool is_partly_dead(const Session& session) {
  const auto dead = std::ranges::count_if(session.flows, is_dead_flow);
  const auto well = std::ranges::count_if(session.flows, [](const Flow& flow) {
    return flow.now.sent >= kEnoughPacketsOfFlow && flow.now.loss() < 0.5;
  });
  return dead > 0 && well > 0;
}

bool is_lossy(const Session& session) {
  const auto& minute = session.minute;
  if (minute.lost() < kLostMin || minute.loss() < kLossMin) return false;
  return minute.loss() > 2 * session.earlier.loss() || minute.loss() > 0.01;
}

bool is_slow(const Session& session) {
  if (!session.now.rtt_mean_us || !session.earlier.rtt_mean_us) return false;
  const auto now = *session.now.rtt_mean_us;
  const auto usual = *session.earlier.rtt_mean_us;
  return now > kSlowTimes * usual && now - usual > kSlowMinUs;
}

std::string evidence_of(const Side& side) {
  if (side.session == nullptr) {
    return fmt::format("{} measures nothing of {}", side.self.name, side.other.name);
  }
  const auto& now = side.session->now;
  auto text = fmt::format("{} to {}: {} packets sent, {} lost", side.self.name, side.other.name,
                          now.sent, now.lost());
  if (now.lost() > 0) {
    text +=
        fmt::format(" ({} on the way there, {} on the way back, {} without an answer that tells)",
                    now.lost_there, now.lost_back, now.lost_undetermined);
  }
  if (now.rtt_mean_us) text += fmt::format(", round trip {:.2f} ms", *now.rtt_mean_us / 1000);
  return fmt::format("{}, {} to {}", text, format_rfc3339(side.session->from),
                     format_rfc3339(side.session->to));
}

Pair::Pair(const Inputs& inputs)
    : in(inputs),
      a(facts_of(inputs, inputs.a)),
      b(facts_of(inputs, inputs.b)),
      placements(place(inputs.facts)) {
  for (const auto* session : {&in.by_a, &in.by_b}) {
    if (*session) symptoms |= symptoms_of(**session);
  }
  if (is_lossy_together(in, true) || is_lossy_together(in, false)) symptoms |= kLossy;
  if (is_over(in)) symptoms &= static_cast<Symptoms>(~kLossy);
  // Where the localizer sees large packets die, they die between these two, as well, whether or not
  // a flow of theirs is large.
  for (const auto& accused : in.accused) {
    const bool on_way = accused.on_way_there || accused.on_way_back;
    if (on_way && accused.fault_class == "mtu") symptoms |= kMtuLow;
  }
  // Where nothing is measured, somebody's word that it does not get there counts; silence does not.
  const auto is_told = [](const Tried& tried) {
    return tried.what == "icmp" && !passed(tried) && tried.outcome != "timeout";
  };
  if (!measured() && std::ranges::any_of(in.tried, is_told)) symptoms |= kDead;
  for (const auto& tried : in.tried) {
    if (is_telling(in, tried)) symptoms |= symptoms_of(tried);
  }
  const auto names = concerned(in, placements);
  for (auto& finding : check(in.facts)) {
    const bool concerns = std::ranges::any_of(
        finding.nodes, [&](const std::string& node) { return names.contains(node); });
    if (concerns) findings.push_back(std::move(finding));
  }
}

Side Pair::side_a() const {
  return {.self = in.a,
          .other = in.b,
          .facts = a,
          .other_facts = b,
          .session = in.by_a ? &*in.by_a : nullptr,
          .is_a = true};
}

Side Pair::side_b() const {
  return {.self = in.b,
          .other = in.a,
          .facts = b,
          .other_facts = a,
          .session = in.by_b ? &*in.by_b : nullptr,
          .is_a = false};
}

bool Pair::measured() const {
  return (in.by_a && is_enough(*in.by_a)) || (in.by_b && is_enough(*in.by_b));
}

}  // namespace faultline::diagnose
