#include "controller/detect/detector.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <tuple>
#include <utility>

#include "common/base/check.h"

namespace faultline::detect {
namespace {

constexpr float kTailShifts = 4;  // the tail must rise by so many times the shift that matters
constexpr float kJitterFloorNs = 20'000;  // below it, jitter is the clock's and the scheduler's
constexpr float kOneWayShare = 0.8F;      // of the losses whose way is known
constexpr std::uint8_t kOverDelayMask = 0xF;
constexpr int kOverDelayWindows = 3;  // of four

float ns(Duration duration) { return static_cast<float>(duration.count()); }

// What tells the flows of one reporter apart.
auto name_of(const auto& flow) {
  return std::tuple(flow.target, flow.source_port, flow.size, flow.dscp);
}

Way way_of(std::uint32_t forward, std::uint32_t back) {
  const auto known = static_cast<float>(forward + back);
  if (known > 0 && static_cast<float>(forward) >= kOneWayShare * known) return Way::kForward;
  if (known > 0 && static_cast<float>(back) >= kOneWayShare * known) return Way::kReturn;
  return Way::kBoth;
}

// The worst first: what does not work, then what loses, then what is slow.
auto rank_of(const Anomaly& anomaly) {
  return std::tuple(anomaly.kind, -anomaly.spreads, anomaly.reporter, anomaly.target);
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::kUnreachable:
      return "unreachable";
    case Kind::kLoss:
      return "loss";
    case Kind::kDeadFlows:
      return "dead-flows";
    case Kind::kRttShift:
      return "rtt-shift";
    case Kind::kFlowShift:
      return "flow-rtt-shift";
    case Kind::kTail:
      return "rtt-tail";
    case Kind::kJitter:
      return "jitter";
    case Kind::kDelayLimit:
      return "delay-limit";
    case Kind::kLossLimit:
      return "loss-limit";
  }
  return "loss";
}

std::optional<Kind> parse_kind(std::string_view text) {
  for (int i = 0; i <= static_cast<int>(Kind::kLossLimit); ++i) {
    const auto kind = static_cast<Kind>(i);
    if (text == to_string(kind)) return kind;
  }
  return std::nullopt;
}

std::string_view to_string(Way way) {
  switch (way) {
    case Way::kBoth:
      return "both";
    case Way::kForward:
      return "forward";
    case Way::kReturn:
      return "return";
  }
  return "both";
}

void Detector::begin(Window window) {
  // What a flow and a pair cost; a change is news (README.md).
  static_assert(sizeof(Baseline) <= 64 && sizeof(Flow) <= 88 && sizeof(Pair) <= 320);
  window_ = std::move(window);
  ++counters_.windows;
  found_.clear();
  since_now_.clear();
  counters_.pairs_judging = 0;
}

// Finds each flow of the report its state, or makes it.
void Detector::arrange(Reporter& reporter, const Report& report) {
  const bool fits =
      reporter.order.size() == report.flows.size() &&
      std::ranges::equal(reporter.order, report.flows, [&](std::uint32_t i, const auto& flow) {
        return name_of(reporter.flows[i]) == name_of(flow);
      });
  if (fits) return;
  forget_old(reporter);
  std::map<decltype(name_of(FlowWindow())), std::uint32_t> known;
  for (std::uint32_t i = 0; i < reporter.flows.size(); ++i) {
    known.emplace(name_of(reporter.flows[i]), i);
  }
  reporter.order.clear();
  for (const auto& flow : report.flows) {
    const auto next = static_cast<std::uint32_t>(reporter.flows.size());
    const auto [at, is_new] = known.try_emplace(name_of(flow), next);
    if (is_new) {
      const auto pair = static_cast<std::uint32_t>(reporter.pairs.size());
      const auto [pair_at, is_new_pair] = reporter.pair_index.try_emplace(flow.target, pair);
      if (is_new_pair) {
        reporter.pairs.emplace_back().target = flow.target;
        ++counters_.pairs;
      }
      reporter.flows.push_back({.target = flow.target,
                                .pair = pair_at->second,
                                .source_port = flow.source_port,
                                .size = flow.size,
                                .dscp = flow.dscp,
                                .least = {}});
      ++counters_.flows;
    }
    reporter.order.push_back(at->second);
  }
}

// Flows of former plans.
void Detector::forget_old(Reporter& reporter) {
  const auto is_old = [&](const auto& each) {
    return each.seen != 0 && each.seen + kForgetWindows < counters_.windows;
  };
  if (std::ranges::none_of(reporter.flows, is_old)) return;
  counters_.flows -= reporter.flows.size();
  counters_.pairs -= reporter.pairs.size();
  std::erase_if(reporter.flows, is_old);
  std::vector<Pair> pairs;
  reporter.pair_index.clear();
  for (auto& flow : reporter.flows) {
    const auto next = static_cast<std::uint32_t>(pairs.size());
    const auto [at, is_new] = reporter.pair_index.try_emplace(flow.target, next);
    if (is_new) pairs.push_back(reporter.pairs[flow.pair]);
    flow.pair = at->second;
  }
  reporter.pairs = std::move(pairs);
  counters_.flows += reporter.flows.size();
  counters_.pairs += reporter.pairs.size();
}

std::vector<Detector::Sums> Detector::take_flows(Reporter& reporter, const Report& report,
                                                 float doubt) {
  std::vector<Sums> sums(reporter.pairs.size());
  for (std::size_t i = 0; i < report.flows.size(); ++i) {
    const auto& window = report.flows[i];
    auto& flow = reporter.flows[reporter.order[i]];
    flow.seen = static_cast<std::uint32_t>(counters_.windows);
    if (window.sent == 0 || window_.sick.contains(flow.target)) continue;
    auto& sum = sums[flow.pair];
    sum.sent += window.sent;
    sum.lost_forward += window.lost_forward;
    sum.lost_return += window.lost_return;
    sum.lost_undetermined += window.lost_undetermined;
    if (window.answered() > 0) {
      const auto& limit = config_.of(reporter.pairs[flow.pair].pair_class);
      flow.dead_windows = 0;
      flow.least.take(static_cast<float>(window.rtt_min_ns), ns(limit.shift_min), doubt);
    } else if (doubt == 0 && flow.dead_windows < kDeadFlowWindows) {
      ++flow.dead_windows;
    }
  }
  return sums;
}

void Detector::take_delays(Pair& pair, const stats::Histogram& rtt, float doubt) const {
  const auto count = rtt.count();
  if (count < kAnswersMin) return;
  const auto& limit = config_.of(pair.pair_class);
  pair.now_median = static_cast<float>(rtt.quantile(0.5).value_or(0));
  pair.median.take(pair.now_median, ns(limit.shift_min), doubt);
  const bool is_over = doubt == 0 && pair.now_median > ns(limit.delay);
  pair.over_delay = static_cast<std::uint8_t>(pair.over_delay << 1 | (is_over ? 1 : 0));
  if (count < kAnswersTail) return;
  const auto high = static_cast<float>(rtt.quantile(0.9).value_or(0));
  pair.now_jitter = high - pair.now_median + kJitterFloorNs;
  pair.now_tail = static_cast<float>(rtt.quantile(0.95).value_or(0));
  pair.tail.take(pair.now_tail, kTailShifts * ns(limit.shift_min), doubt);
  pair.jitter.take(pair.now_jitter, kTailShifts * ns(limit.shift_min), doubt);
}

void Detector::take_losses(Pair& pair, const Sums& sums, float doubt) const {
  pair.loss.take(static_cast<float>(sums.sent), static_cast<float>(sums.lost()), doubt);
  if (!pair.loss.is_suspicious()) pair.lost_forward = pair.lost_return = 0;
  pair.lost_forward += sums.lost_forward;
  pair.lost_return += sums.lost_return;
  const bool is_silent = sums.sent >= kAnswersMin && sums.lost() == sums.sent && doubt == 0;
  pair.silent_windows = is_silent
                            ? static_cast<std::uint8_t>(std::min(pair.silent_windows + 1, 255))
                            : std::uint8_t{0};
}

void Detector::add(NodeId reporter, const Report& report, double doubt, const Parties& parties) {
  if (doubt >= kSick || window_.sick.contains(reporter)) {
    ++counters_.reports_sick;
    return;
  }
  if (counters_.flows + report.flows.size() > kFlowsMax ||
      counters_.pairs + report.delays.size() > kPairsMax) {
    counters_.refused += report.flows.size();
    return;
  }
  auto& state = reporters_[reporter];
  arrange(state, report);
  for (auto& pair : state.pairs) {
    if (!std::exchange(pair.is_new, false)) continue;
    pair.pair_class = class_of(parties(reporter), parties(pair.target));
  }
  const auto sums = take_flows(state, report, static_cast<float>(doubt));
  for (const auto& delay : report.delays) {
    const auto at = state.pair_index.find(delay.target);
    if (at == state.pair_index.end() || window_.sick.contains(delay.target)) continue;
    take_delays(state.pairs[at->second], delay.rtt, static_cast<float>(doubt));
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (sums[i].sent == 0) continue;
    auto& pair = state.pairs[i];
    take_losses(pair, sums[i], static_cast<float>(doubt));
    pair.seen = static_cast<std::uint32_t>(counters_.windows);
  }
}

std::vector<Anomaly> Detector::end() {
  for (auto& [node, reporter] : reporters_) {
    std::vector<bool> has_odd_flows(reporter.pairs.size());
    for (const auto& flow : reporter.flows) {
      if (flow.least.is_raised() || flow.dead_windows >= kDeadFlowWindows) {
        has_odd_flows[flow.pair] = true;
      }
    }
    for (std::size_t i = 0; i < reporter.pairs.size(); ++i) {
      auto& pair = reporter.pairs[i];
      if (pair.median.is_judging()) ++counters_.pairs_judging;
      // Nothing was heard of it: what was abnormal is neither over nor confirmed.
      if (pair.seen + kEndWindows < counters_.windows) continue;
      tell(node, reporter, pair, has_odd_flows[i]);
    }
  }
  since_ = std::move(since_now_);
  since_now_.clear();
  std::ranges::sort(found_, {}, rank_of);
  counters_.anomalies_omitted = found_.size() - std::min(found_.size(), kAnomaliesMax);
  found_.resize(std::min(found_.size(), kAnomaliesMax));
  return std::move(found_);
}

void Detector::clock_was_set(Duration by) {
  for (auto& [key, since] : since_) since += by;
}

bool Detector::raise(Anomaly anomaly, const Baseline* baseline) {
  const Key key{anomaly.kind, anomaly.reporter, anomaly.target};
  if (baseline != nullptr) {
    anomaly.windows = std::max(1U, baseline->windows_raised());
    anomaly.spreads = baseline->spreads();
  }
  const auto known = since_.find(key);
  anomaly.since = known != since_.end()
                      ? known->second
                      : window_.start - window_.length * (std::max(1U, anomaly.windows) - 1);
  anomaly.windows =
      static_cast<std::uint32_t>((window_.start - anomaly.since) / window_.length + 1);
  if (baseline != nullptr && window_.start - anomaly.since > config_.accept_after) {
    ++counters_.accepted;
    return false;
  }
  since_now_[key] = anomaly.since;
  found_.push_back(std::move(anomaly));
  return true;
}

void Detector::tell_delays(Anomaly anomaly, Pair& pair) {
  struct {
    Kind kind;
    Baseline* baseline;
    float now;
  } const delays[] = {{Kind::kRttShift, &pair.median, pair.now_median},
                      {Kind::kTail, &pair.tail, pair.now_tail},
                      {Kind::kJitter, &pair.jitter, pair.now_jitter}};
  for (const auto& [kind, baseline, now] : delays) {
    if (!baseline->is_raised()) continue;
    anomaly.kind = kind;
    const float bias = kind == Kind::kJitter ? kJitterFloorNs : 0;
    anomaly.usual = baseline->usual() - bias;
    anomaly.now = now - bias;
    if (!raise(anomaly, baseline)) baseline->forget();
    if (kind == Kind::kRttShift) return;  // which is in the tail as well
  }
}

void Detector::tell_flows(Anomaly anomaly, Reporter& state, const Pair& pair) {
  const auto index = state.pair_index.at(pair.target);
  Flow* worst = nullptr;
  Anomaly dead = anomaly;
  dead.kind = Kind::kDeadFlows;
  anomaly.kind = Kind::kFlowShift;
  for (auto& flow : state.flows) {
    if (flow.pair != index || flow.seen + kEndWindows < counters_.windows) continue;
    ++anomaly.flows_total;
    if (flow.least.is_raised()) {
      if (++anomaly.flows <= kPortsMax) anomaly.source_ports.push_back(flow.source_port);
      if (worst == nullptr || flow.least.spreads() > worst->least.spreads()) worst = &flow;
    }
    if (flow.dead_windows >= kDeadFlowWindows && ++dead.flows <= kPortsMax) {
      dead.source_ports.push_back(flow.source_port);
    }
  }
  dead.flows_total = anomaly.flows_total;
  if (dead.flows > 0 && pair.silent_windows == 0) {
    dead.windows = kDeadFlowWindows;
    raise(std::move(dead), nullptr);
  }
  if (worst == nullptr || pair.median.is_raised()) return;  // said already
  anomaly.usual = worst->least.usual();
  const float spread = std::max(worst->least.learned()[1], kSpreadMin);
  anomaly.now = anomaly.usual * std::exp2(worst->least.spreads() * spread);
  if (raise(std::move(anomaly), &worst->least)) return;
  for (auto& flow : state.flows) {
    if (flow.pair == index && flow.least.is_raised()) flow.least.forget();
  }
}

void Detector::tell(NodeId reporter, Reporter& state, Pair& pair, bool has_odd_flows) {
  Anomaly anomaly{.reporter = reporter,
                  .target = pair.target,
                  .pair_class = pair.pair_class,
                  .source_ports = {}};
  const auto& limit = config_.of(pair.pair_class);
  if (pair.silent_windows >= kUnreachableWindows) {
    anomaly.kind = Kind::kUnreachable;
    anomaly.windows = pair.silent_windows;
    anomaly.now = 1;
    raise(std::move(anomaly), nullptr);
    return;
  }
  const bool is_lossy = pair.loss.is_raised();
  if (is_lossy || pair.loss.exceeds(static_cast<float>(limit.loss))) {
    auto loss = anomaly;
    loss.kind = is_lossy ? Kind::kLoss : Kind::kLossLimit;
    loss.usual = is_lossy ? pair.loss.usual() : limit.loss;
    loss.now = pair.loss.present();
    loss.way = way_of(pair.lost_forward, pair.lost_return);
    raise(std::move(loss), nullptr);
  }
  if (std::popcount(static_cast<unsigned>(pair.over_delay & kOverDelayMask)) >= kOverDelayWindows) {
    auto over = anomaly;
    over.kind = Kind::kDelayLimit;
    over.usual = ns(limit.delay);
    over.now = pair.now_median;
    over.windows = kOverDelayWindows;
    raise(std::move(over), nullptr);
  }
  tell_delays(anomaly, pair);
  if (has_odd_flows) tell_flows(std::move(anomaly), state, pair);
}

void Detector::recall(NodeId reporter, const Report& report, std::size_t windows) {
  if (counters_.flows + report.flows.size() > kFlowsMax) return;
  auto& state = reporters_[reporter];
  arrange(state, report);
  const auto epoch = static_cast<std::uint8_t>(
      std::clamp<std::size_t>(windows / kEpochsToJudge, kEpochWindows, 255));
  std::vector<Sums> sums(state.pairs.size());
  for (std::size_t i = 0; i < report.flows.size(); ++i) {
    const auto& window = report.flows[i];
    auto& flow = state.flows[state.order[i]];
    if (window.answered() > 0) flow.least.recall(static_cast<float>(window.rtt_min_ns), epoch);
    sums[flow.pair].sent += window.sent;
    sums[flow.pair].lost_forward += window.sent - window.answered();
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (sums[i].sent == 0) continue;
    state.pairs[i].loss.recall(static_cast<float>(sums[i].sent),
                               static_cast<float>(sums[i].lost_forward), epoch);
  }
  for (const auto& delay : report.delays) {
    const auto at = state.pair_index.find(delay.target);
    if (at == state.pair_index.end() || delay.rtt.count() < kAnswersMin) continue;
    auto& pair = state.pairs[at->second];
    const auto quantile = [&](double share) {
      return static_cast<float>(delay.rtt.quantile(share).value_or(0));
    };
    pair.median.recall(quantile(0.5), epoch);
    if (delay.rtt.count() < kAnswersTail) continue;
    pair.tail.recall(quantile(0.95), epoch);
    pair.jitter.recall(quantile(0.9) - quantile(0.5) + kJitterFloorNs, epoch);
  }
}

std::map<NodeId, std::uint32_t> Detector::pairs_of_nodes() const {
  std::map<NodeId, std::uint32_t> pairs;
  for (const auto& [node, reporter] : reporters_) {
    for (const auto& pair : reporter.pairs) {
      if (pair.seen + kEndWindows < counters_.windows) continue;
      ++pairs[node];
      ++pairs[pair.target];
    }
  }
  return pairs;
}

}  // namespace faultline::detect
