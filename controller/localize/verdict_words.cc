#include "controller/localize/verdict_words.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "common/base/time.h"

namespace faultline::localize {
namespace {

std::string microseconds_text(double value) {
  return value < 1000 ? fmt::format("+{:.0f} us", value) : fmt::format("+{:.1f} ms", value / 1000);
}

}  // namespace

std::string percent_text(double share) {
  const double value = 100 * share;
  return value >= 10 ? fmt::format("{:.0f}%", value) : fmt::format("{:.2g}%", value);
}

std::string certainty_text(double posterior) {
  return posterior >= 0.999 ? ">99.9%" : fmt::format("{:.1f}%", 100 * posterior);
}

std::string delay_text(const Suspect& suspect) {
  const std::string p95 =
      suspect.delay_p95_us ? "p95 " + microseconds_text(*suspect.delay_p95_us) : "";
  if (!suspect.delay_us) return p95;
  const std::string p50 = microseconds_text(*suspect.delay_us);
  return p95.empty() ? p50 : fmt::format("{} ({})", p50, p95);
}

std::string mtu_text(const Suspect& suspect) {
  const std::uint32_t low = suspect.mtu.value_or(0);
  const std::uint32_t high = suspect.size_lost.value_or(low + 1) - 1;
  return high > low ? fmt::format("{} to {}", low, high) : std::to_string(low);
}

std::string since_text(const Suspect& suspect) {
  const auto text = [](std::int64_t time_s) {
    return format_rfc3339(wall_time_from_unix_seconds(time_s));
  };
  if (!suspect.since_s) return "-";
  if (!suspect.over || !suspect.last_seen_s) return text(*suspect.since_s);
  return fmt::format("{} until {}", text(*suspect.since_s), text(*suspect.last_seen_s));
}

std::string odds_text(double odds_against) {
  return odds_against > 1e4 ? "over 10,000" : fmt::format("{:.1f}", odds_against);
}

std::string grouped_text(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string list_text(const std::vector<std::string>& ids, std::size_t count_max) {
  const std::span<const std::string> all(ids);
  const std::string text =
      fmt::format("{}", fmt::join(all.first(std::min(all.size(), count_max)), ", "));
  return all.size() > count_max ? fmt::format("{} and {} more", text, all.size() - count_max)
                                : text;
}

std::string summary_text(const Verdict& verdict) {
  return fmt::format("{} observations over {} links, {} of {} packets lost",
                     grouped_text(verdict.observations), grouped_text(verdict.components),
                     grouped_text(verdict.lost), grouped_text(verdict.packets));
}

}  // namespace faultline::localize
