#include "controller/plan/adaptive.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "common/base/check.h"
#include "controller/plan/allotment.h"

namespace faultline::plan {
namespace {

using Kind = TestEvent::Kind;

// The life of extra packets and the time until they have ended, as parts of a window.
constexpr double kLifeShare = 0.8;
constexpr double kOverShare = 0.9;

// Probes refuse to send a flow more often.
constexpr Duration kFlowIntervalMin = std::chrono::milliseconds{10};

Duration share_of(Duration duration, double share) {
  return Duration{static_cast<std::int64_t>(static_cast<double>(duration.count()) * share)};
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// Empty: the fleet is well.
std::string trouble(const FleetHealth& health) {
  const auto share = [](auto part, auto whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  };
  if (health.changing) return "plans are on their way, or the store is in trouble";
  if (health.nodes_expected == 0) return "no node is measuring";
  if (share(health.nodes_reported, health.nodes_expected) < kReportedShareMin) {
    return fmt::format("only {} of {} nodes reported", health.nodes_reported,
                       health.nodes_expected);
  }
  if (share(health.nodes_sick, health.nodes_expected) > kSickShareMax) {
    return fmt::format("{} of {} nodes are sick", health.nodes_sick, health.nodes_expected);
  }
  if (share(health.lost, health.packets) > kLossRatioMax) {
    return fmt::format("{} of {} packets are lost", health.lost, health.packets);
  }
  return {};
}

Standing standing_of(const ContestedFlows* it) {
  if (it == nullptr) return {.listed = false};
  return {.log_bayes = it->component.log_bayes, .log_odds = it->component.log_odds};
}

Kind to_kind(TestResult result) {
  switch (result) {
    case TestResult::kConfirmed:
      return Kind::kConfirmed;
    case TestResult::kGivenUp:
      return Kind::kGivenUp;
    default:
      return Kind::kCleared;
  }
}

}  // namespace

std::string_view to_string(TestEvent::Kind kind) {
  switch (kind) {
    case Kind::kBegun:
      return "begun";
    case Kind::kConfirmed:
      return "confirmed";
    case Kind::kCleared:
      return "cleared";
    case Kind::kGivenUp:
      return "given up";
  }
  return "begun";
}

Status validate(const AdaptiveConfig& config) {
  const auto bad = [](std::string text) { return fail(ErrorCode::kInvalid, std::move(text)); };
  if (!(config.extra_share >= 0.001 && config.extra_share <= 0.05)) {
    return bad("extra_share must be 0.001 to 0.05");
  }
  if (config.link_packets_per_second_max == 0 || config.link_packets_per_second_max > 100'000) {
    return bad("link_packets_per_second_max must be 1 to 100000");
  }
  if (config.node_packets_per_second_max == 0 || config.node_packets_per_second_max > 10'000) {
    return bad("node_packets_per_second_max must be 1 to 10000");
  }
  return {};
}

std::optional<double> AdaptiveProber::packets_of(const std::string& component) const {
  const auto at = tests_.find(component);
  return at == tests_.end() ? std::nullopt : std::optional(at->second.test.packets());
}

void AdaptiveProber::fill(Instant now, double packets_per_second_planned) {
  const double rate = config_.extra_share * std::max(0.0, packets_per_second_planned);
  const double elapsed = std::max(0.0, seconds(now - filled_at_.value_or(now)));
  filled_at_ = std::max(filled_at_.value_or(now), now);
  // What was planned meanwhile may have changed in between: the less of the two is sure.
  bucket_ = std::min(rate * kBucketSeconds, bucket_ + std::min(rate, rate_) * elapsed);
  rate_ = rate;
}

void AdaptiveProber::end(Instant now, const std::string& id, Kind kind, double log_odds,
                         ExtraFlows& out) {
  const auto at = tests_.find(id);
  out.events.push_back({kind, id, log_odds, at->second.test.packets()});
  tests_.erase(at);
  if (kind == Kind::kConfirmed) {
    ++counters_.tests_confirmed;
    return;
  }
  ++(kind == Kind::kCleared ? counters_.tests_cleared : counters_.tests_given_up);
  if (resting_.size() >= kRestingMax) {
    resting_.erase(
        std::ranges::min_element(resting_, {}, [](const auto& entry) { return entry.second; }));
  }
  resting_[id] = now + (kind == Kind::kCleared ? kRestCleared : kRestGivenUp);
}

void AdaptiveProber::judge_tests(Instant now, const AdaptiveInput& input, ExtraFlows& out) {
  std::vector<std::string> ids;
  for (const auto& [id, test] : tests_) ids.push_back(id);
  for (const auto& id : ids) {
    if (std::ranges::find(input.suspects, id) != input.suspects.end()) {
      end(now, id, Kind::kConfirmed, std::log(kConfirmOdds), out);
      continue;
    }
    const auto it = std::ranges::find(input.contested, id, [](const auto& contested) {
      return std::string_view(contested.component.id);
    });
    const Standing standing = standing_of(it == input.contested.end() ? nullptr : &*it);
    const TestResult result = tests_.at(id).test.judge(standing);
    if (result == TestResult::kUndecided) continue;
    end(now, id, to_kind(result), standing.log_odds, out);
  }
}

void AdaptiveProber::begin_tests(Instant now, const AdaptiveInput& input, ExtraFlows& out) {
  std::erase_if(resting_, [&](const auto& entry) { return entry.second <= now; });
  for (const auto& it : input.contested) {
    const auto& component = it.component;
    const Standing standing = standing_of(&it);
    if (it.flows.empty()) ++counters_.without_flows;
    if (it.flows.empty() || !worth_testing(standing) || tests_.size() >= kTestsMax ||
        tests_.contains(component.id) || resting_.contains(component.id)) {
      continue;
    }
    const double expected = expected_packets(standing, component.loss, input.background);
    tests_.emplace(component.id, Test{SequentialTest(standing, expected), expected});
    ++counters_.tests_begun;
    out.events.push_back({Kind::kBegun, component.id, standing.log_odds, expected});
  }
}

void AdaptiveProber::allot(const AdaptiveInput& input, ExtraFlows& out) {
  const double life = seconds(out.life);
  const double affordable = bucket_ * kRoundShare / life;  // packets per second
  const double per_flow = 1 / seconds(input.flow_interval);
  Allotment allotment({.packets_per_second = affordable,
                       .per_link = static_cast<double>(config_.link_packets_per_second_max),
                       .per_node = static_cast<double>(config_.node_packets_per_second_max),
                       .per_flow = per_flow,
                       .times_max = static_cast<std::uint32_t>(std::clamp<std::int64_t>(
                           input.flow_interval / kFlowIntervalMin, 1, kTimesMax)),
                       .headroom = input.headroom});
  for (const auto& it : input.contested) {
    const auto test = tests_.find(it.component.id);
    if (test == tests_.end()) continue;
    test->second.packets_now = life * allotment.add(it.flows, test->second.packets_expected / life);
    test->second.test.spend(test->second.packets_now);
  }
  out.flows = allotment.flows();
  out.packets_per_second = allotment.packets_per_second();
  bucket_ -= out.packets_per_second * life;
  FAULTLINE_CHECK(bucket_ >= -1e-6, "a round costs no more than there is");
  bucket_ = std::max(0.0, bucket_);
  counters_.packets += static_cast<std::uint64_t>(std::ceil(out.packets_per_second * life));
}

ExtraFlows AdaptiveProber::next(Instant now, const AdaptiveInput& input) {
  ExtraFlows out;
  fill(now, input.packets_per_second_planned);
  if (!config_.enabled) return out;
  judge_tests(now, input, out);
  out.paused = trouble(input.health);
  if (out.paused.empty() && now < round_ends_) out.paused = "the last round has not ended yet";
  if (!out.paused.empty() || input.window <= Duration::zero() ||
      input.flow_interval <= Duration::zero()) {
    if (!tests_.empty()) ++counters_.rounds_paused;
    return out;
  }
  begin_tests(now, input, out);
  if (tests_.empty()) return out;
  out.life = share_of(input.window, kLifeShare);
  allot(input, out);
  if (out.flows.empty()) return out;
  ++counters_.rounds;
  round_ends_ = now + share_of(input.window, kOverShare);
  return out;
}

}  // namespace faultline::plan
