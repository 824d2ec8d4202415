#include "controller/core/inquiries.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "common/ondemand/order_json.h"

namespace faultline::core {
namespace {

using ondemand::Method;
using ondemand::TestKind;
using ondemand::TestOrder;

constexpr std::size_t kOrdersOfRoundMax = 4 * kAskedMax;
// A node does ordered tests one after the other.
constexpr Duration kQuestionWaitsMax = std::chrono::seconds{5};
// Absences end by themselves; that a probe is down does not.
constexpr Duration kNoEnd = std::chrono::hours{24 * 365};

std::string rack_of(const fleet::Node& node) {
  const auto labels = fleet::effective_labels(node.record);
  const auto found = labels.find("rack");
  return found == labels.end() ? std::string() : found->second;
}

bool is_doubtful(const fleet::Node& node, Instant now, Duration heartbeat_interval) {
  return node.state == fleet::NodeState::kSilent ||
         now - node.heard.instant > kDoubtfulIntervals * heartbeat_interval;
}

const Plan* plan_of(const plan::PlanSet& plans, NodeId node) {
  const auto at = std::ranges::lower_bound(plans.plans, node, {}, &Plan::node);
  return at != plans.plans.end() && at->node == node ? &*at : nullptr;
}

TestOrder connect_to(const NodeProfile& profile, const IpAddress& source) {
  const auto port = profile.mesh_port != 0 ? profile.mesh_port : profile.reflector_port;
  return {.kind = TestKind::kPort,
          .method = Method::kTcp,
          .target = {profile.address, port},
          .source = source,
          .count = 2,
          .interval = std::chrono::milliseconds{300}};
}

TestOrder ping(const NodeProfile& profile, const IpAddress& source, Method method) {
  const std::uint16_t port = method == Method::kStamp ? profile.reflector_port : 0;
  return {.kind = TestKind::kPing,
          .method = method,
          .target = {profile.address, port},
          .source = source,
          .count = 3,
          .interval = std::chrono::milliseconds{100}};
}

std::string name_of(const TestOrder& order) {
  return order.method == Method::kTcp ? fmt::format("tcp {}", order.target.port)
                                      : std::string(to_string(order.method));
}

}  // namespace

bool Inquiries::news(NodeId node, TestProgress& progress) {
  if (!orders_.tests().contains(progress.test)) return false;
  orders_.news(node, std::move(progress));
  return true;
}

void Inquiries::restore(const std::vector<incident::Incident>& incidents, const fleet::Fleet& fleet,
                        fleet::Moment now) {
  for (const auto& incident : incidents) {
    if (incident.suspect.kind != kProbeKind) continue;
    for (const auto& name : incident.suspect.affected) {
      const auto* node = fleet.find(name);
      if (node == nullptr) continue;
      const auto id = node->record.id;
      begin_span(id, incident.since);
      if (incident.resolved_at) {
        end_span(id, incident.last_present);
      } else if (cases_.size() < kCasesMax) {
        cases_[id] = {
            .reachability = {.condition = Condition::kProbeDown, .doubted_at = incident.since},
            .began = now.instant,
            .asked_from = now.instant,
            .finding = incident.suspect.id};
      }
    }
  }
}

bool Inquiries::is_in_question(const fleet::Node& node, Instant now, const View& view) const {
  if (node.state == fleet::NodeState::kRemoved || node.state == fleet::NodeState::kRestarting ||
      node.record.profile.address.is_unspecified()) {
    return false;
  }
  if (suspected_.contains(node.record.name)) return true;
  const auto known = cases_.find(node.record.id);
  const bool is_down = known != cases_.end() && !known->second.finding.empty();
  if (is_down && node.heard.instant <= known->second.asked_from) return true;
  return node.state != fleet::NodeState::kJoined && is_doubtful(node, now, view.heartbeat_interval);
}

void Inquiries::follow_fleet(fleet::Moment now, const View& view) {
  for (const auto& [id, node] : view.fleet.nodes()) {
    const auto known = cases_.find(id);
    if (!is_in_question(node, now.instant, view)) {
      if (known == cases_.end()) continue;
      end_span(id, now.wall);
      cases_.erase(known);
    } else if (known == cases_.end()) {
      if (cases_.size() >= kCasesMax) {
        ++counters_.cases_refused;
        continue;
      }
      cases_[id] = {.reachability = {.doubted_at = node.heard.wall}, .began = now.instant};
    }
  }
  std::erase_if(cases_, [&](const auto& it) { return view.fleet.find(it.first) == nullptr; });
  std::erase_if(spans_, [&](const auto& it) { return view.fleet.find(it.first) == nullptr; });
}

void Inquiries::set_back(WallTime now) {
  for (auto& [id, spans] : spans_) fleet::set_back(spans, now);
  for (auto& [id, it] : cases_) {
    it.reachability.doubted_at = std::min(it.reachability.doubted_at, now);
  }
}

void Inquiries::tick(fleet::Moment now, const View& view, Rng& rng, EffectSink& effects) {
  (void)orders_.tick(view.fleet, now.instant);  // only watched tests are ended, and these are not
  follow_fleet(now, view);
  for (auto& [id, it] : cases_) {
    if (it.round) continue_round(it, *view.fleet.find(id), now, view, rng, effects);
  }
  begin_rounds(true, now, view, rng);
  begin_rounds(false, now, view, rng);
  for (auto& [id, it] : cases_) judge(id, it, now, view);
}

void Inquiries::continue_round(Case& it, const fleet::Node& node, fleet::Moment now,
                               const View& view, Rng& rng, EffectSink& effects) {
  auto& asked = it.round->asked;
  const auto& profile = node.record.profile;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto* asking = view.fleet.find(asked[i].node);
    const auto* third = view.fleet.find(asked[(i + 1) % asked.size()].node);
    if (asking == nullptr || third == nullptr) {
      asked[i].step = Step::kDone;
      continue;
    }
    const auto& source = asking->record.profile.address;
    switch (asked[i].step) {
      case Step::kTcp:
        advance(asked[i], connect_to(profile, source), now, view, rng, effects);
        break;
      case Step::kIcmp:
        advance(asked[i], ping(profile, source, Method::kIcmp), now, view, rng, effects);
        break;
      case Step::kStamp:
        advance(asked[i], ping(profile, source, Method::kStamp), now, view, rng, effects);
        break;
      case Step::kThird:
        if (third == asking) {
          asked[i].step = Step::kDone;  // there is nobody else: its word stands
        } else {
          advance(asked[i], connect_to(third->record.profile, source), now, view, rng, effects);
        }
        break;
      case Step::kDone:
        break;
    }
  }
  const bool all = std::ranges::all_of(asked, [](const Asked& a) { return a.step == Step::kDone; });
  if (all || now.instant >= it.round->began.instant + kRoundLifeMax) conclude(it, now);
}

// Orders the step's test, or reads its answer and goes on to the next step.
void Inquiries::advance(Asked& asked, const TestOrder& order, fleet::Moment now, const View& view,
                        Rng& rng, EffectSink& effects) {
  auto reply = Reply::kCannot;
  if (asked.test == 0) {
    const std::uint64_t number = rng() | 1;
    const TestOrders::Request request{
        .request = {.test = number,
                    .lease = ondemand::life_of(order) + kQuestionWaitsMax,
                    .order = ondemand::to_json_text(order)},
        .node = asked.witness.name,
        .target = order.target.address.to_string()};
    const auto node = orders_.begin(view.fleet, request, now);
    if (node) {
      ++ordered_in_minute_;
      asked.test = number;
      effects.send((*node)->record.key, request.request);
      return;
    }
    if (node.error().code == ErrorCode::kLimit) return;  // the next tick may have room
  } else {
    const auto test = orders_.tests().find(asked.test);
    if (test != orders_.tests().end()) {
      if (test->second.state == TestState::kRunning) return;
      reply = read_reply(test->second, order.target.address);
    }
  }
  asked.test = 0;
  asked.witness.at = now.wall;
  asked.carried_out |= reply != Reply::kCannot;
  const bool is_heard = reply == Reply::kAnswered || reply == Reply::kRefused;
  if (asked.step == Step::kThird) {
    asked.witness.text +=
        fmt::format("; of another node, {}: {}", name_of(order), to_string(reply));
    if (reply == Reply::kSilence) asked.witness.sight = Sight::kOwnUplink;
    asked.step = Step::kDone;
    return;
  }
  auto& [name, rack, sight, refused, text, at] = asked.witness;
  text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name_of(order), to_string(reply));
  if (is_heard) sight = Sight::kHost;
  if (asked.step == Step::kTcp) {
    asked.step = is_heard ? Step::kStamp : Step::kIcmp;
  } else if (asked.step == Step::kIcmp) {
    asked.step = Step::kStamp;
  } else {
    if (reply == Reply::kAnswered) sight = Sight::kProbe;
    refused = reply == Reply::kRefused;
    if (sight == Sight::kNoAnswer && asked.carried_out) sight = Sight::kNothing;
    asked.step = sight == Sight::kNothing ? Step::kThird : Step::kDone;
  }
}

// A round in which nobody could say anything takes nothing back.
void Inquiries::conclude(Case& it, fleet::Moment now) {
  std::vector<Witness> witnesses;
  for (auto& asked : it.round->asked) witnesses.push_back(std::move(asked.witness));
  const bool is_told = std::ranges::any_of(witnesses, [](const Witness& witness) {
    return witness.sight != Sight::kNoAnswer && witness.sight != Sight::kOwnUplink;
  });
  ++counters_.rounds;
  if (!is_told) ++counters_.rounds_unknown;
  if (is_told || (it.reachability.witnesses.empty() && it.finding.empty())) {
    it.reachability.witnesses = std::move(witnesses);
    it.reachability.asked_at = now.wall;
    it.asked_from = it.round->began.instant;
  }
  it.next_round_at = now.instant + (is_told ? kAskAgain : kAskAgainUnknown);
  it.round.reset();
}

bool Inquiries::has_room(Instant now) {
  if (now - minute_began_ >= std::chrono::minutes{1}) {
    minute_began_ = now;
    ordered_in_minute_ = 0;
  }
  std::size_t promised = 0;
  std::size_t rounds = 0;
  for (const auto& [id, it] : cases_) {
    if (!it.round) continue;
    ++rounds;
    promised += kOrdersOfRoundMax;
  }
  return rounds < kRoundsMax &&
         ordered_in_minute_ + promised + kOrdersOfRoundMax <= kInquiryOrdersPerMinuteMax;
}

// First those about whom nothing is known.
void Inquiries::begin_rounds(bool first, fleet::Moment now, const View& view, Rng& rng) {
  for (auto& [id, it] : cases_) {
    if (it.round || now.instant < it.next_round_at) continue;
    if (first == it.reachability.asked_at.has_value()) continue;
    if (!has_room(now.instant)) {
      ++counters_.rounds_delayed;
      return;
    }
    it.round = Round{.began = now, .asked = choose(id, now.instant, view, rng)};
  }
}

// One of its rack, then one of each other rack, then whoever is left; drawn anew each time, so that
// neither the load nor one that is wrong stays where it is.
std::vector<Inquiries::Asked> Inquiries::choose(NodeId id, Instant now, const View& view,
                                                Rng& rng) const {
  const auto* plan = plan_of(view.plans, id);
  const auto& node = *view.fleet.find(id);
  std::vector<Asked> fit;
  if (plan == nullptr) return fit;
  for (const auto& peer : plan->peers) {
    const auto* other = view.fleet.find(peer.node);
    if (other == nullptr || other->state != fleet::NodeState::kLive || cases_.contains(peer.node) ||
        (other->capabilities & kCapabilityTest) == 0 ||
        other->record.profile.address.is_v4() != node.record.profile.address.is_v4() ||
        is_doubtful(*other, now, view.heartbeat_interval)) {
      continue;
    }
    fit.push_back(
        {.node = peer.node, .witness = {.name = other->record.name, .rack = rack_of(*other)}});
  }
  for (std::size_t i = fit.size(); i > 1; --i) {
    std::swap(fit[i - 1], fit[uniform_below(rng, i)]);
  }
  const auto own = rack_of(node);
  std::set<std::string> racks;
  std::vector<Asked> chosen;
  const auto take_if = [&](auto wanted) {
    for (auto& each : fit) {
      if (chosen.size() == kAskedMax || each.witness.name.empty() || !wanted(each)) continue;
      racks.insert(each.witness.rack);
      chosen.push_back(std::exchange(each, Asked{}));
    }
  };
  take_if(
      [&](const Asked& each) { return !own.empty() && each.witness.rack == own && racks.empty(); });
  take_if([&](const Asked& each) { return !racks.contains(each.witness.rack); });
  take_if([](const Asked&) { return true; });
  return chosen;
}

void Inquiries::judge(NodeId id, Case& it, fleet::Moment now, const View& view) {
  const auto& node = *view.fleet.find(id);
  auto& known = it.reachability;
  const auto* by = view.relays.proof_of(id, now.wall);
  const auto* relay = by == nullptr ? nullptr : view.fleet.find(by->relay);
  known.by_way_of = relay == nullptr ? std::string() : relay->record.name;
  const Heard heard{.silent = is_doubtful(node, now.instant, view.heartbeat_interval),
                    .since = node.heard.instant > it.asked_from,
                    .relayed = by != nullptr};
  const bool is_restored = known.witnesses.empty() && !it.finding.empty() && !heard.relayed;
  const auto condition = !is_restored  ? judge_reachability(known.witnesses, heard)
                         : heard.since ? Condition::kUnknown
                                       : Condition::kProbeDown;
  const bool was_down = !it.finding.empty();
  const bool is_down = condition == Condition::kProbeDown;
  known.condition = condition;
  if (is_down == was_down) return;
  if (is_down) {
    it.finding = finding_for(node.record.name, it);
    begin_span(id, known.doubted_at);
  } else {
    it.finding.clear();
    end_span(id, now.wall);
  }
}

// That of the first one whose probe went down at about the same time, or its own.
std::string Inquiries::finding_for(std::string_view node, const Case& it) const {
  std::map<std::string, WallTime> began;
  for (const auto& [id, other] : cases_) {
    if (other.finding.empty()) continue;
    const auto at = began.emplace(other.finding, other.reachability.doubted_at).first;
    at->second = std::min(at->second, other.reachability.doubted_at);
  }
  for (const auto& [finding, at] : began) {
    if (std::chrono::abs(it.reachability.doubted_at - at) <= kProbesJoinWithin) return finding;
  }
  return probe_id(node);
}

void Inquiries::begin_span(NodeId id, WallTime from) {
  auto& spans = spans_[id];
  spans.push_back({.from = from, .cause = fleet::AbsenceCause::kRestart});
  if (spans.size() > kSpansKeptMax) spans.erase(spans.begin());
}

void Inquiries::end_span(NodeId id, WallTime at) {
  const auto known = spans_.find(id);
  if (known != spans_.end()) (void)fleet::end_absence(known->second, at);
}

const Reachability* Inquiries::of(NodeId node) const {
  const auto at = cases_.find(node);
  return at == cases_.end() ? nullptr : &at->second.reachability;
}

std::vector<ProbesDown> Inquiries::probes_down(const fleet::Fleet& fleet) const {
  std::map<std::string, ProbesDown> by_id;
  for (const auto& [id, it] : cases_) {
    const auto* node = fleet.find(id);
    if (it.finding.empty() || node == nullptr) continue;
    auto& down = by_id[it.finding];
    const auto& known = it.reachability;
    if (down.nodes.empty() || known.doubted_at < down.since) {
      down.since = known.doubted_at;
      down.lead = known;
      down.nodes.insert(down.nodes.begin(), node->record.name);
    } else {
      down.nodes.push_back(node->record.name);
    }
    down.id = it.finding;
  }
  std::vector<ProbesDown> all;
  for (auto& [id, down] : by_id) all.push_back(std::move(down));
  return all;
}

bool Inquiries::is_undecided(NodeId node, Instant now) const {
  const auto at = cases_.find(node);
  if (at == cases_.end() || now - at->second.began >= kUndecidedMax) return false;
  return at->second.reachability.condition == Condition::kUnknown;
}

std::set<NodeId> Inquiries::asked() const {
  std::set<NodeId> nodes;
  for (const auto& [id, it] : cases_) {
    if (!it.round) continue;
    for (const auto& each : it.round->asked) {
      if (each.step != Step::kDone) nodes.insert(each.node);
    }
  }
  return nodes;
}

std::set<NodeId> Inquiries::excused(WallTime start, Duration length) const {
  std::set<NodeId> nodes;
  for (const auto& [id, spans] : spans_) {
    if (fleet::is_excused(spans, start, length, kNoEnd)) nodes.insert(id);
  }
  return nodes;
}

std::map<Condition, std::uint64_t> Inquiries::counts() const {
  std::map<Condition, std::uint64_t> counts;
  for (const auto& [id, it] : cases_) ++counts[it.reachability.condition];
  return counts;
}

}  // namespace faultline::core
