#include "controller/detect/baseline.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace faultline::detect {
namespace {

constexpr float kMadToDeviation = 1.4826F;
constexpr float kMeanToDeviation = 1.2533F;        // of a mean absolute deviation, if normal
constexpr float kDifferenceToDeviation = 0.8862F;  // of a mean absolute difference, if normal
// Windows after an unusual one in which nothing is learned.
constexpr std::uint8_t kSuspiciousMask = (1U << kEpochWindows) - 1;
constexpr std::uint8_t kRaiseMask = (1U << kRaiseOf) - 1;

float level_of(float value) { return std::log2(std::max(value, 1.0F)); }

float median_of(std::array<float, kEpochsToJudge> values) {
  std::ranges::nth_element(values, values.begin() + values.size() / 2);
  return values[values.size() / 2];
}

}  // namespace

float Baseline::usual() const { return is_judging() ? std::exp2(center_) : 0; }

void Baseline::take(float value, float shift_min, float doubt) {
  const float level = level_of(value);
  if (!is_judging()) {
    if (doubt == 0) add_to_epoch(level, kEpochWindows);
    return;
  }
  spreads_ = (level - center_) / std::max(spread_, kSpreadMin);
  const float raise = kRaise * (1 + doubt / std::max(0.01F, 1 - doubt));
  const bool unusual = spreads_ >= raise && value - usual() >= shift_min;
  unusual_ = static_cast<std::uint8_t>(unusual_ << 1 | (unusual ? 1 : 0));
  if (raised_) {
    ++windows_raised_;
    quiet_ = spreads_ < kEnd ? static_cast<std::uint8_t>(quiet_ + 1) : std::uint8_t{0};
    raised_ = quiet_ < kEndWindows;
    if (!raised_) unusual_ = 0;
  } else if (std::popcount(static_cast<unsigned>(unusual_ & kRaiseMask)) >= kRaiseWindows) {
    raised_ = true;
    quiet_ = 0;
    windows_raised_ =
        static_cast<std::uint32_t>(std::bit_width(static_cast<unsigned>(unusual_ & kRaiseMask)));
  }
  if (raised_ || (unusual_ & kSuspiciousMask) != 0) return drop_epochs();
  if (doubt == 0) add_to_epoch(level, kEpochWindows);
}

void Baseline::recall(float value, std::uint8_t epoch_windows) {
  if (!is_judging()) add_to_epoch(level_of(value), epoch_windows);
}

void Baseline::add_to_epoch(float level, std::uint8_t epoch_windows) {
  epoch_sum_ += level;
  if (is_judging()) {
    const float clip = kClip * std::max(spread_, kSpreadMin);
    epoch_spread_sum_ += kMeanToDeviation * std::min(clip, std::abs(level - center_));
  } else {
    // The very first window differs from nothing.
    if (epochs_ > 0 || epoch_windows_ > 0) {
      epoch_spread_sum_ += kDifferenceToDeviation * std::abs(level - last_);
    }
    last_ = level;
  }
  if (++epoch_windows_ < epoch_windows) return;
  const auto windows = static_cast<float>(epoch_windows_);
  const float mean = epoch_sum_ / windows;
  const float spread = epoch_spread_sum_ / windows;
  epoch_sum_ = epoch_spread_sum_ = 0;
  epoch_windows_ = 0;
  end_epoch(mean, spread);
}

void Baseline::end_epoch(float mean, float spread) {
  if (!is_judging()) {
    first_[epochs_++] = mean;
    spread_ += spread / kEpochsToJudge;
    if (is_judging()) begin_judging();
    return;
  }
  if (has_candidate_) {
    const float clip = kClip * std::max(spread_, kSpreadMin);
    center_ += kGain * std::clamp(candidate_ - center_, -clip, clip);
    spread_ += kGain * (candidate_spread_ - spread_);
  }
  candidate_ = mean;
  candidate_spread_ = spread;
  has_candidate_ = true;
}

void Baseline::begin_judging() {
  center_ = median_of(first_);
  auto deviations = first_;
  for (float& each : deviations) each = std::abs(each - center_);
  spread_ = std::max(spread_, kMadToDeviation * median_of(deviations));
}

void Baseline::drop_epochs() {
  epoch_sum_ = epoch_spread_sum_ = 0;
  epoch_windows_ = 0;
  has_candidate_ = false;
}

}  // namespace faultline::detect
