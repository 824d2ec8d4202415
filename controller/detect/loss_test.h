// LossTest: whether a pair loses more than it used to, and more than its class may.
//
// Why it exists: ten packets lost of a thousand may be one unlucky moment of one host, or a fault
// that stays. Losses are counted against the pair's own background by a cumulative sum (CUSUM, Page
// 1954): its expectation falls while all is well, and rises by the information that a loss carries.
//
//   raise   the sum reaches kSumRaise, to which one window adds at most a third
//   end     the sum is back at zero, whither it falls kFall times as fast while it is raised
//   learn   the median of the first kEpochsToJudge epochs; later as Baseline does: an epoch late,
//           and only while the sum stays low
//
// With no fault the sum reaches kSumRaise about once in e^kSumRaise windows and pair: less than
// once in 50 years for 100,000 pairs.
//
// Pure. Thread safety: none.
#pragma once

#include <array>
#include <cstdint>

#include "controller/detect/baseline.h"

namespace faultline::detect {

inline constexpr float kSumRaise = 25;      // nats
inline constexpr float kSumMax = 40;        // so that an end is not far
inline constexpr float kSumSuspicious = 5;  // above it nothing is learned
inline constexpr float kFall = 3;
inline constexpr float kBackgroundMin = 1e-4F;
inline constexpr float kHarmMin = 0.01F;  // the loss that is looked for: ten times the background
inline constexpr float kMemoryWindows = 30;  // of the ratio that is compared with the limit
inline constexpr float kLossesMin = 5;

class LossTest {
 public:
  // One window; `lost` of `sent`. `doubt` as for Baseline.
  void take(float sent, float lost, float doubt = 0);
  // Only learns, for windows of the past in any order, in epochs of `epoch_windows`.
  void recall(float sent, float lost, std::uint8_t epoch_windows);

  [[nodiscard]] bool is_judging() const { return epochs_ >= kEpochsToJudge; }
  [[nodiscard]] bool is_raised() const { return raised_; }
  // Whether the loss of lately is above `limit` for sure (three standard deviations).
  [[nodiscard]] bool exceeds(float limit) const;
  // Share of packets: since the sum began to rise, or of the last kMemoryWindows.
  [[nodiscard]] float present() const;
  [[nodiscard]] float usual() const { return background_; }
  [[nodiscard]] bool is_suspicious() const { return sum_ > 0; }

 private:
  void judge(float sent, float lost, float doubt);
  void learn(float sent, float lost, std::uint8_t epoch_windows);
  void end_epoch();

  std::array<float, kEpochsToJudge> first_{};  // epochs, until it judges
  float background_ = 0;                       // share of packets
  float sum_ = 0;                              // nats
  float rising_sent_ = 0;                      // since the sum was zero
  float rising_lost_ = 0;
  float recent_sent_ = 0;  // forgotten by and by
  float recent_lost_ = 0;
  float candidate_sent_ = 0;  // the epoch before this one
  float candidate_lost_ = 0;
  float epoch_sent_ = 0;
  float epoch_lost_ = 0;
  std::uint8_t epoch_windows_ = 0;
  std::uint8_t epochs_ = 0;  // of first_
  bool raised_ = false;
};

}  // namespace faultline::detect
