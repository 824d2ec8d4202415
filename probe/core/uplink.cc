#include "probe/core/uplink.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/base/check.h"

namespace faultline::probe_core {
namespace {

constexpr std::string_view kArea = "uplink";

Duration wait_after(RefusalReason reason) {
  return reason == RefusalReason::kOverloaded ? kRetryWaitMax : kRefusedWait;
}

}  // namespace

Uplink::Uplink(UplinkOptions options, Rng& rng) : options_(std::move(options)), rng_(rng) {
  if (options_.membership) {
    options_.endpoints = options_.membership->endpoints;
    options_.controllers = options_.membership->controllers;
  }
  FAULTLINE_CHECK(!options_.endpoints.empty() && !options_.controllers.empty(),
                  "an uplink needs an endpoint and a controller's key");
  FAULTLINE_CHECK(options_.membership || options_.has_token, "a stranger needs a token");
}

void Uplink::tick(Now now, const UplinkStatus& status, EffectSink& effects) {
  switch (state_) {
    case State::kClosed:
      if (!open_at_ || now.instant >= *open_at_) open(now, effects);
      break;
    case State::kGreeting:
      if (!greeting_taken_) greet(now, status, effects);
      if (now.instant - greeting_since_ < silence_max()) break;
      effects.log(Severity::kWarning, kArea,
                  fmt::format("{} {}; trying the next way", target_.endpoint,
                              greeting_taken_ ? "does not answer"
                                              : "cannot be reached, or refuses this key"));
      close(now,
            jittered(std::min(kRetryWaitMin * (1U << std::min(failures_, 5U)),  //
                              kRetryWaitMax)),
            effects);
      break;
    case State::kWelcomed:
      if (now.instant - heard_at_ >= silence_max()) {
        ++counters_.links_lost;
        effects.log(Severity::kWarning, kArea,
                    fmt::format("{} is silent for {}; connecting anew", target_.endpoint,
                                format_duration(silence_max())));
        close(now, jittered(kRetryWaitMin), effects);
      } else if (now.instant >= beat_at_) {
        beat(now, status, effects);
      }
      break;
  }
}

void Uplink::open(Now now, EffectSink& effects) {
  target_ = next_target();
  ++counters_.links_opened;
  state_ = State::kGreeting;
  greeting_taken_ = false;
  greeting_since_ = now.instant;
  effects.open_link(target_);
}

LinkTarget Uplink::next_target() {
  auto attempt = attempts_++;
  const auto take = [&attempt](std::uint64_t count) {
    const auto index = attempt % count;
    attempt /= count;
    return static_cast<std::size_t>(index);
  };
  LinkTarget target;
  const bool may_have_joined = options_.membership.has_value() || take(2) == 1;
  target.identity = may_have_joined ? Identity::kNode : Identity::kToken;
  target.endpoint = options_.endpoints[take(options_.endpoints.size())];
  target.controller = options_.controllers[take(options_.controllers.size())];
  return target;
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
                     .plan_hash = status.plan_hash};
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
  effects.log(Severity::kWarning, kArea,
              fmt::format("the connection to {} is lost; results are spooled", target_.endpoint));
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
  if (state_ != State::kGreeting || !greeting_taken_ || target_.identity != Identity::kNode) {
    unexpected();
    return false;
  }
  if (welcome.protocol_major != kProtocolMajor) {
    ++counters_.refusals;
    effects.log(
        Severity::kWarning, kArea,
        fmt::format("{} speaks protocol {}.{}, this probe {}.{}: {}", target_.endpoint,
                    welcome.protocol_major, welcome.protocol_minor, kProtocolMajor, kProtocolMinor,
                    welcome.protocol_major > kProtocolMajor ? "upgrade this probe"
                                                            : "upgrade the controller first"));
    close(now, jittered(kRefusedWait), effects);
    return false;
  }
  adopt({.node = welcome.node,
         .name = welcome.name,
         .endpoints = options_.endpoints,
         .controllers = options_.controllers},
        effects);
  effects.log(Severity::kInfo, kArea,
              fmt::format("welcomed by {} ({}) as node {} \"{}\"", target_.endpoint,
                          welcome.software, welcome.node.value(), welcome.name));
  state_ = State::kWelcomed;
  failures_ = 0;
  heard_at_ = now.instant;
  heartbeat_interval_ = welcome.heartbeat_interval;
  capabilities_ = welcome.capabilities & kCapabilitiesOfThisBuild;
  beat_at_ = now.instant;  // measures the clock offset at once
  return true;
}

bool Uplink::goodbye(const Goodbye& goodbye, EffectSink& effects) const {
  if (!has(kCapabilityGoodbye)) return false;
  auto said = goodbye;
  said.boot = options_.boot;
  return effects.send_controller(said);
}

void Uplink::joined(Now now, const Joined& joined, EffectSink& effects) {
  if (state_ != State::kGreeting || target_.identity != Identity::kToken) return unexpected();
  effects.log(Severity::kInfo, kArea,
              fmt::format("joined as node {} \"{}\" with key {}", joined.node.value(), joined.name,
                          short_name(options_.node_key)));
  adopt({.node = joined.node,
         .name = joined.name,
         .endpoints = options_.endpoints,
         .controllers = options_.controllers},
        effects);
  attempts_ = 0;
  failures_ = 0;
  close(now, Duration::zero(), effects);
}

void Uplink::adopt(Membership membership, EffectSink& effects) {
  if (options_.membership == membership) return;
  options_.membership = std::move(membership);
  effects.persist_membership(*options_.membership);
}

void Uplink::refused(Now now, const Refusal& refusal, EffectSink& effects) {
  if (state_ == State::kClosed) return unexpected();
  ++counters_.refusals;
  effects.log(Severity::kWarning, kArea,
              fmt::format("{} refuses this probe ({}): {}", target_.endpoint,
                          to_string(refusal.reason), refusal.text));
  // One message that was not understood is no reason to leave a link that works.
  if (state_ == State::kWelcomed && refusal.reason == RefusalReason::kMalformed) return;
  close(now, jittered(wait_after(refusal.reason)), effects);
}

Duration Uplink::jittered(Duration duration) {
  const double factor = 0.8 + 0.4 * uniform(rng_);
  return Duration{static_cast<std::int64_t>(static_cast<double>(duration.count()) * factor)};
}

}  // namespace faultline::probe_core
