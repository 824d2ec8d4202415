#include "controller/detect/loss_test.h"

#include <algorithm>
#include <cmath>

namespace faultline::detect {
namespace {

// A background is known by so many packets; an hour of one flow.
constexpr float kPacketsToLearn = 3600;

}  // namespace

void LossTest::take(float sent, float lost, float doubt) {
  if (sent <= 0) return;
  constexpr float kForget = 1 - 1 / kMemoryWindows;
  recent_sent_ = kForget * recent_sent_ + sent;
  recent_lost_ = kForget * recent_lost_ + lost;
  if (is_judging()) judge(sent, lost, doubt);
  if (raised_ || sum_ > kSumSuspicious) {
    candidate_sent_ = candidate_lost_ = epoch_sent_ = epoch_lost_ = 0;
    epoch_windows_ = 0;
    return;
  }
  if (doubt == 0) learn(sent, lost, kEpochWindows);
}

void LossTest::judge(float sent, float lost, float doubt) {
  const float usual = std::max(background_, kBackgroundMin);
  const float harm = std::min(0.5F, std::max(10 * usual, kHarmMin));
  float gain = (1 - doubt) * (lost * std::log(harm / usual)) - sent * (harm - usual);
  if (raised_ && gain < 0) gain *= kFall;
  sum_ = std::clamp(sum_ + std::min(gain, kSumRaise / 3), 0.0F, kSumMax);
  if (sum_ > 0) {
    rising_sent_ += sent;
    rising_lost_ += lost;
  } else {
    // What is over is not held against its limit either.
    if (raised_) recent_sent_ = recent_lost_ = 0;
    rising_sent_ = rising_lost_ = 0;
  }
  raised_ = raised_ ? sum_ > 0 : sum_ >= kSumRaise;
}

void LossTest::recall(float sent, float lost, std::uint8_t epoch_windows) {
  if (!is_judging()) learn(sent, lost, epoch_windows);
}

void LossTest::learn(float sent, float lost, std::uint8_t epoch_windows) {
  epoch_sent_ += sent;
  epoch_lost_ += lost;
  if (++epoch_windows_ < epoch_windows) return;
  if (epoch_sent_ > 0) end_epoch();
  epoch_sent_ = epoch_lost_ = 0;
  epoch_windows_ = 0;
}

void LossTest::end_epoch() {
  if (!is_judging()) {
    first_[epochs_++] = epoch_lost_ / epoch_sent_;
    if (!is_judging()) return;
    auto epochs = first_;
    std::ranges::nth_element(epochs, epochs.begin() + epochs.size() / 2);
    background_ = epochs[epochs.size() / 2];
    return;
  }
  if (candidate_sent_ > 0) {
    const float gain = std::min(kGain, candidate_sent_ / kPacketsToLearn);
    background_ += gain * (candidate_lost_ / candidate_sent_ - background_);
  }
  candidate_sent_ = epoch_sent_;
  candidate_lost_ = epoch_lost_;
}

float LossTest::present() const {
  const bool rises = rising_sent_ > 0;
  const float sent = rises ? rising_sent_ : recent_sent_;
  const float lost = rises ? rising_lost_ : recent_lost_;
  return sent > 0 ? lost / sent : 0;
}

bool LossTest::exceeds(float limit) const {
  return recent_lost_ >= kLossesMin &&
         recent_lost_ - 3 * std::sqrt(recent_lost_) > limit * recent_sent_;
}

}  // namespace faultline::detect
