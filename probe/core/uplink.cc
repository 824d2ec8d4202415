#include "probe/core/uplink.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "common/base/check.h"

namespace faultline::probe_core {
namespace {

constexpr std::string_view kUplinkArea = "uplink";

Duration wait_after(RefusalReason reason) {
  return reason == RefusalReason::kOverloaded ? kRetryWaitMax : kRefusedWait;
}

}  // namespace

Uplink::Uplink(UplinkOptions options, Rng& rng) : options_(std::move(options)), rng_(rng) {
  kept_ = options_.membership;
  std::size_t primary = 0;
  FAULTLINE_CHECK(!ways(&primary).empty(), "an uplink needs an endpoint and a controller's key");
}

void Uplink::tick(Now now, const UplinkStatus& status, EffectSink& effects) {
  switch (state_) {
    case State::kClosed:
      if (!open_at_ || now.instant >= *open_at_) open(now, effects);
      break;
    case State::kGreeting:
      if (!greeting_taken_) greet(now, status, effects);
      if (now.instant - greeting_since_ < patience()) break;
      effects.log(Severity::kWarning, kUplinkArea,
                  fmt::format("{} {}; trying the next way", target_.endpoint,
                              greeting_taken_ ? "does not answer"
                                              : "cannot be reached, or refuses this key"));
      close(now,
            jittered(std::min(kRetryWaitMin * (1U << std::min(failures_, 5U)),  //
                              kRetryWaitMax)),
            effects);
      break;
    case State::kWelcomed:
      tick_welcomed(now, status, effects);
      break;
  }
}

void Uplink::tick_welcomed(Now now, const UplinkStatus& status, EffectSink& effects) {
  if (now.instant - heard_at_ >= silence_max()) {
    ++counters_.links_lost;
    effects.log(Severity::kWarning, kUplinkArea,
                fmt::format("{} is silent for {}; connecting anew", target_.endpoint,
                            format_duration(silence_max())));
    return close(now, jittered(kRetryWaitMin), effects);
  }
  if (!greeting_taken_) {
    greet(now, status, effects);
    if (!greeting_taken_) return lost(now, effects);
  }
  if (now.instant >= beat_at_) beat(now, status, effects);
}

void Uplink::open(Now now, EffectSink& effects) {
  handshake_ = handshake();
  target_ = next_target();
  ++counters_.links_opened;
  state_ = State::kGreeting;
  greeting_taken_ = false;
  greeting_since_ = now.instant;
  effects.open_link(target_, handshake_);
}

bool Uplink::has_other_keys() const {
  return options_.next_key.has_value() ||
         (options_.membership && options_.membership->controllers.size() > 1);
}

// For the way that is tried next.
Duration Uplink::handshake() const {
  if (has_other_keys()) return kHandshake;
  std::size_t primary = 0;
  const auto candidates = ways(&primary).size();
  if (primary == 1 && attempts_ % candidates == 0) return kPatientHandshake;
  const auto round = std::min<std::uint64_t>(attempts_ / candidates, kHandshakeDoublingsMax);
  return kHandshake * (1U << round);
}

// A server that changed its key, or dropped ours, never takes up the link as it was.
Duration Uplink::patience() const {
  if (greeting_taken_) return silence_max();
  if (has_other_keys()) return std::min(silence_max(), kOtherKeyPatience);
  // Counted from when the link was lost, or opened: its connection may be made much later.
  return handshake_ == kPatientHandshake ? handshake_ + silence_max()
                                         : std::max(silence_max(), handshake_);
}

std::vector<Identity> Uplink::own_identities() const {
  if (!options_.next_key) return {Identity::kNode};
  if (prefers_next_key_) return {Identity::kNextNode, Identity::kNode};
  return {Identity::kNode, Identity::kNextNode};
}

void Uplink::add_ways(const std::vector<std::string>& endpoints,
                      const std::vector<PublicKey>& controllers,
                      const std::vector<Identity>& identities,
                      std::vector<LinkTarget>& ways) const {
  for (const auto& controller : controllers) {
    for (const auto& endpoint : endpoints) {
      for (const auto identity : identities) {
        const LinkTarget way{endpoint, controller, identity};
        if (std::ranges::find(ways, way) == ways.end()) ways.push_back(way);
      }
    }
  }
}

std::vector<LinkTarget> Uplink::ways(std::size_t* primary) const {
  std::vector<LinkTarget> ways;
  if (const auto& member = options_.membership) {
    add_ways(member->endpoints, member->controllers, own_identities(), ways);
  }
  *primary = ways.size();
  add_ways(options_.configured_endpoints, options_.configured_controllers, own_identities(), ways);
  if (options_.has_token) {
    std::vector<Identity> identities{Identity::kToken};
    // A member has tried its own key where it belongs.
    if (!options_.membership) std::ranges::copy(own_identities(), std::back_inserter(identities));
    add_ways(options_.endpoints, options_.controllers, identities, ways);
  }
  return ways;
}

LinkTarget Uplink::next_target() {
  std::size_t primary = 0;
  auto all = ways(&primary);
  const auto index = attempts_++ % all.size();
  is_members_way_ = index < primary;
  return std::move(all[index]);
}

void Uplink::greet(Now now, const UplinkStatus& status, EffectSink& effects) {
  ProbeMessage greeting;
  if (target_.identity == Identity::kToken) {
    greeting =
        Join{.node_key = options_.node_key, .name = options_.name, .profile = options_.profile};
  } else {
    greeting = Hello{.software = options_.software,
                     .boot = options_.boot,
                     .profile = options_.profile,
                     .plan = status.plan,
                     .plan_hash = status.plan_hash,
                     .sent_at = now.wall};
  }
  if (!effects.send_controller(greeting)) return;
  greeting_taken_ = true;
  greeting_since_ = now.instant;
}

void Uplink::beat(Now now, const UplinkStatus& status, EffectSink& effects) {
  const Heartbeat heartbeat{.sequence = ++beat_sequence_,
                            .sent_at = now.wall,
                            .plan = status.plan,
                            .spool_batches = status.spool.batches,
                            .spool_bytes = status.spool.bytes,
                            .spool_dropped = status.spool.results_dropped};
  if (!effects.send_controller(heartbeat)) return lost(now, effects);
  ++counters_.heartbeats;
  beat_at_ = now.instant + jittered(heartbeat_interval_);
}

void Uplink::lost(Now now, EffectSink& effects) {
  if (state_ != State::kWelcomed) return;
  ++counters_.links_lost;
  effects.log(Severity::kWarning, kUplinkArea,
              fmt::format("the connection to {} is lost; results are spooled", target_.endpoint));
  // It has become a member with one way to go, or has two again, since that was opened.
  const auto next = std::exchange(attempts_, 0);
  const auto wanted = handshake();
  if (wanted != handshake_ && (has_other_keys() || wanted == kPatientHandshake)) {
    return open(now, effects);
  }
  attempts_ = next;
  state_ = State::kGreeting;
  greeting_taken_ = false;
  greeting_since_ = now.instant;
}

void Uplink::close(Now now, Duration wait, EffectSink& effects) {
  effects.close_link();
  ++failures_;
  state_ = State::kClosed;
  open_at_ = now.instant + wait;
}

bool Uplink::welcome(Now now, const Welcome& welcome, EffectSink& effects) {
  const bool was_welcomed = state_ == State::kWelcomed;
  const bool is_due = greeting_taken_ && target_.identity != Identity::kToken &&
                      (was_welcomed ? greets_again_ : state_ == State::kGreeting);
  if (!is_due) {
    unexpected();
    return false;
  }
  if (welcome.protocol_major != kProtocolMajor) {
    ++counters_.refusals;
    effects.log(
        Severity::kWarning, kUplinkArea,
        fmt::format("{} speaks protocol {}.{}, this probe {}.{}: {}", target_.endpoint,
                    welcome.protocol_major, welcome.protocol_minor, kProtocolMajor, kProtocolMinor,
                    welcome.protocol_major > kProtocolMajor ? "upgrade this probe"
                                                            : "upgrade the controller first"));
    close(now, jittered(kRefusedWait), effects);
    return false;
  }
  if (target_.identity == Identity::kNextNode) {
    ++counters_.rekeys;
    options_.node_key = *std::exchange(options_.next_key, std::nullopt);
    target_.identity = Identity::kNode;
    prefers_next_key_ = false;
    effects.adopt_next_key();
    effects.log(Severity::kInfo, kUplinkArea,
                fmt::format("this node's key is {} from now on", short_name(options_.node_key)));
  }
  adopt({.node = welcome.node, .name = welcome.name, .endpoints = {}, .controllers = {}}, effects);
  effects.log(Severity::kInfo, kUplinkArea,
              fmt::format("welcomed by {} ({}) as node {} \"{}\"", target_.endpoint,
                          welcome.software, welcome.node.value(), welcome.name));
  state_ = State::kWelcomed;
  greets_again_ = false;
  failures_ = 0;
  heard_at_ = now.instant;
  heartbeat_interval_ = welcome.heartbeat_interval;
  capabilities_ = welcome.capabilities & kCapabilitiesOfThisBuild;
  beat_at_ = now.instant;  // measures the clock offset at once
  attempts_ = 1;           // the way that leads somewhere is the first
  is_members_way_ = true;
  if (options_.next_key) next_key_made(*options_.next_key, effects);
  return !was_welcomed;
}

void Uplink::relabel(Now now, Labels labels) {
  options_.profile.labels = std::move(labels);
  if (state_ == State::kClosed || !greeting_taken_) return;  // the next greeting has them
  greets_again_ = state_ == State::kWelcomed;
  greeting_taken_ = false;
  greeting_since_ = now.instant;
}

bool Uplink::goodbye(const Goodbye& goodbye, EffectSink& effects) const {
  if (!has(kCapabilityGoodbye)) return false;
  auto said = goodbye;
  said.boot = options_.boot;
  return effects.send_controller(said);
}

void Uplink::joined(Now now, const Joined& joined, EffectSink& effects) {
  if (state_ != State::kGreeting || target_.identity != Identity::kToken) return unexpected();
  effects.log(Severity::kInfo, kUplinkArea,
              fmt::format("joined as node {} \"{}\" with key {}", joined.node.value(), joined.name,
                          short_name(options_.node_key)));
  adopt({.node = joined.node, .name = joined.name, .endpoints = {}, .controllers = {}}, effects);
  attempts_ = 0;
  failures_ = 0;
  close(now, Duration::zero(), effects);
}

// What leads to the controller now leads there after a restart.
void Uplink::adopt(Membership membership, EffectSink& effects) {
  const auto& member = options_.membership;
  const bool known_way = member && std::ranges::count(member->endpoints, target_.endpoint) > 0 &&
                         std::ranges::count(member->controllers, target_.controller) > 0;
  const bool by_token =
      target_.identity == Identity::kToken ||
      std::ranges::count(options_.configured_controllers, target_.controller) == 0;
  if (known_way) {
    membership.endpoints = member->endpoints;
    membership.controllers = member->controllers;
  } else if (by_token) {
    membership.endpoints = options_.endpoints;
    membership.controllers = options_.controllers;
  } else {
    membership.endpoints = options_.configured_endpoints;
    membership.controllers = options_.configured_controllers;
  }
  prefer_served_key(membership.controllers);
  if (options_.membership == membership) return;
  options_.membership = std::move(membership);
  effects.persist_membership(*options_.membership);
}

// The key that is served now is the first to be tried the next time.
void Uplink::prefer_served_key(std::vector<PublicKey>& keys) const {
  const auto served = std::ranges::find(keys, target_.controller);
  if (served != keys.end()) std::rotate(keys.begin(), served, served + 1);
}

void Uplink::take(Now /*now*/, const RekeyRequest& /*request*/, EffectSink& effects) {
  if (options_.next_key) return next_key_made(*options_.next_key, effects);
  effects.make_next_key();
}

void Uplink::next_key_made(const PublicKey& key, EffectSink& effects) {
  if (key == options_.node_key) return;  // it came into force meanwhile
  options_.next_key = key;
  // Lost or not: the next Welcome, or the controller's next request, sends it again.
  if (welcomed()) static_cast<void>(effects.send_controller(Rekey{.key = key}));
}

void Uplink::take(Now now, const Rekeyed& rekeyed, EffectSink& effects) {
  if (options_.next_key != rekeyed.key) return unexpected();
  prefers_next_key_ = true;
  attempts_ = 0;
  close(now, Duration::zero(), effects);
}

void Uplink::take(Now /*now*/, const Controllers& controllers, EffectSink& effects) {
  auto membership = *options_.membership;
  membership.controllers = controllers.keys;
  if (std::ranges::count(controllers.keys, target_.controller) == 0) {
    effects.log(Severity::kWarning, kUplinkArea,
                "ignored a list of controllers' keys without the one that is served");
    return unexpected();
  }
  prefer_served_key(membership.controllers);
  controllers_revision_ = controllers.revision;
  options_.membership = std::move(membership);
  if (kept_ == options_.membership) return acknowledge_controllers(effects);
  effects.persist_membership(*options_.membership);
}

void Uplink::membership_kept(const Membership& membership, EffectSink& effects) {
  kept_ = membership;
  if (kept_ == options_.membership) acknowledge_controllers(effects);
}

void Uplink::acknowledge_controllers(EffectSink& effects) {
  if (controllers_revision_ == 0 || !welcomed()) return;
  // Not taken: the controller tells its keys again.
  static_cast<void>(effects.send_controller(ControllersAck{.revision = controllers_revision_}));
  controllers_revision_ = 0;
}

void Uplink::refused(Now now, const Refusal& refusal, EffectSink& effects) {
  if (state_ == State::kClosed) return unexpected();
  ++counters_.refusals;
  effects.log(Severity::kWarning, kUplinkArea,
              fmt::format("{} refuses this probe ({}): {}", target_.endpoint,
                          to_string(refusal.reason), refusal.text));
  // One message that was not understood is no reason to leave a link that works.
  if (state_ == State::kWelcomed && refusal.reason == RefusalReason::kMalformed) return;
  std::size_t primary = 0;
  const bool has_others = ways(&primary).size() > primary;
  if (refusal.reason == RefusalReason::kUnknownKey && is_members_way_ && has_others) {
    effects.log(Severity::kWarning, kUplinkArea,
                "trying the token, or the controllers of the configuration");
    attempts_ = primary;
    return close(now, jittered(kRetryWaitMin), effects);
  }
  // It is there and wants another greeting, now or later: this way first.
  if (state_ == State::kWelcomed && refusal.reason == RefusalReason::kOverloaded) attempts_ = 0;
  close(now, jittered(wait_after(refusal.reason)), effects);
}

Duration Uplink::jittered(Duration duration) {
  const double factor = 0.8 + 0.4 * uniform(rng_);
  return Duration{static_cast<std::int64_t>(static_cast<double>(duration.count()) * factor)};
}

}  // namespace faultline::probe_core
