#include "probe/ping/series.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace faultline::ping {

std::string_view to_string(Outcome outcome) {
  static constexpr std::array<std::string_view, 9> kNames{"pending",  "answered",    "refused",
                                                          "filtered", "unreachable", "too-big",
                                                          "loop",     "lost",        "not-sent"};
  return kNames.at(static_cast<std::size_t>(outcome));
}

std::optional<std::uint32_t> Series::due(Instant now) const {
  if (pings_.size() == options_.count) return std::nullopt;
  if (!pings_.empty() && now < pings_.back().sent_at + options_.interval) return std::nullopt;
  return static_cast<std::uint32_t>(pings_.size());
}

void Series::sent(Instant now) { pings_.push_back({.sent_at = now}); }

void Series::not_sent(Instant now, std::string why) {
  pings_.push_back({.outcome = Outcome::kNotSent, .sent_at = now});
  pings_.back().answer.note = std::move(why);
}

void Series::answer(const Answer& answer, Instant now) {
  if (answer.sequence >= pings_.size()) return;
  auto& ping = pings_[answer.sequence];
  if (ping.outcome == Outcome::kLost) {
    ++late_;
    return;
  }
  if (ping.outcome != Outcome::kPending) {
    if (ping.outcome == Outcome::kAnswered && answer.outcome == Outcome::kAnswered) ++duplicates_;
    return;
  }
  ping.outcome = answer.outcome;
  ping.answer = answer;
  if (answer.outcome == Outcome::kAnswered || answer.outcome == Outcome::kRefused) {
    ping.rtt = answer.rtt.value_or(now - ping.sent_at);
  }
}

std::uint32_t Series::expire(Instant now) {
  std::uint32_t expired = 0;
  for (auto& ping : pings_) {
    if (ping.outcome != Outcome::kPending || now < ping.sent_at + options_.timeout) continue;
    ping.outcome = Outcome::kLost;
    ++expired;
  }
  return expired;
}

Instant Series::next_event() const {
  auto next = Instant::max();
  if (pings_.empty()) return Instant::min();
  if (pings_.size() < options_.count) next = pings_.back().sent_at + options_.interval;
  for (const auto& ping : pings_) {
    if (ping.outcome == Outcome::kPending) next = std::min(next, ping.sent_at + options_.timeout);
  }
  return next;
}

bool Series::done() const {
  return pings_.size() == options_.count &&
         std::ranges::none_of(pings_, [](const auto& p) { return p.outcome == Outcome::kPending; });
}

Totals Series::totals() const {
  Totals totals{.duplicates = duplicates_, .late = late_};
  std::vector<Duration> rtts;
  for (const auto& ping : pings_) {
    totals.sent += ping.outcome == Outcome::kNotSent ? 0 : 1;
    totals.answered += ping.outcome == Outcome::kAnswered;
    totals.refused += ping.outcome == Outcome::kRefused;
    totals.filtered += ping.outcome == Outcome::kFiltered;
    totals.unreachable += ping.outcome == Outcome::kUnreachable;
    totals.too_big += ping.outcome == Outcome::kTooBig;
    totals.looped += ping.outcome == Outcome::kLoop;
    totals.lost += ping.outcome == Outcome::kLost;
    totals.not_sent += ping.outcome == Outcome::kNotSent;
    totals.retransmits += ping.answer.retransmits;
    if (ping.rtt) rtts.push_back(*ping.rtt);
  }
  if (rtts.empty()) return totals;
  std::ranges::sort(rtts);
  totals.rtt_min = rtts.front();
  totals.rtt_max = rtts.back();
  totals.rtt_median = rtts[(rtts.size() - 1) / 2];
  totals.rtt_mean = std::accumulate(rtts.begin(), rtts.end(), Duration::zero()) /
                    static_cast<std::int64_t>(rtts.size());
  return totals;
}

}  // namespace faultline::ping
