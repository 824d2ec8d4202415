// Baseline: what is usual for one positive value that is measured once per window, and whether it
// is unusual now.
//
// Why it exists: a round trip of 3 ms is a fault in a rack and a blessing across an ocean. Only a
// pair's own past says which.
//
// Method. Values are compared by their logarithm (base 2): noise and drift of delays are ratios. An
// epoch is kEpochWindows windows. Of the first kEpochsToJudge epochs' means the median is the usual
// level; the spread of a window is their MAD, or the mean difference of successive windows if that
// is more (both scaled to a standard deviation; von Neumann 1941: a drift does not inflate it).
// From then on both follow with gain kGain per epoch, by deviations that are clipped at kClip
// spreads (Huber's M-estimator with exponential forgetting, Huber 1964): half an hour of windows of
// ten seconds, which follows a day's curve and is not moved by an outlier.
//
//   raise   at least kRaise spreads above in kRaiseWindows of the last kRaiseOf windows, and by the
//           least shift that matters
//   end     kEndWindows windows in a row below kEnd spreads
//   learn   an epoch late, and only if no window since was unusual: what leads up to a fault, and
//           the fault, change nothing (see also Baseline::forget())
//
// Pure. Thread safety: none. Windows that are missing are simply not told.
#pragma once

#include <array>
#include <cstdint>

namespace faultline::detect {

inline constexpr std::uint8_t kEpochWindows = 6;
inline constexpr std::uint8_t kEpochsToJudge = 5;
inline constexpr float kGain = 1.0F / 30;
inline constexpr float kClip = 3;
inline constexpr float kSpreadMin = 0.1F;  // 7 %: below it, nobody cares
inline constexpr float kRaise = 6;
inline constexpr float kEnd = 3;
inline constexpr int kRaiseWindows = 3;
inline constexpr int kRaiseOf = 4;
inline constexpr std::uint8_t kEndWindows = 6;

class Baseline {
 public:
  // One window's value. `shift_min`: the least rise that matters, in the value's unit. `doubt` is 0
  // for a prober in health and 1 for one whose windows mean nothing: what it measures must stand
  // out that much more, and is not learned.
  void take(float value, float shift_min, float doubt = 0);
  // Only learns, for windows of the past in any order, in epochs of `epoch_windows`.
  void recall(float value, std::uint8_t epoch_windows);
  // The present is the new normal: learned anew.
  void forget() { *this = {}; }

  [[nodiscard]] bool is_judging() const { return epochs_ >= kEpochsToJudge; }
  [[nodiscard]] bool is_raised() const { return raised_; }
  // Since when, in windows told; 0 unless raised.
  [[nodiscard]] std::uint32_t windows_raised() const { return raised_ ? windows_raised_ : 0; }
  [[nodiscard]] float usual() const;  // the median, in the value's unit; 0 before it judges
  // Of the newest window: spreads above the usual.
  [[nodiscard]] float spreads() const { return spreads_; }
  // What is learned, for tests: bit for bit the same means that nothing was.
  [[nodiscard]] std::array<float, 2> learned() const { return {center_, spread_}; }

 private:
  void add_to_epoch(float level, std::uint8_t epoch_windows);
  void end_epoch(float mean, float spread);
  void begin_judging();
  void drop_epochs();

  std::array<float, kEpochsToJudge> first_{};  // epochs, until it judges
  float center_ = 0;                           // log2
  float spread_ = 0;                           // log2
  float candidate_ = 0;                        // the epoch before this one
  float candidate_spread_ = 0;
  float epoch_sum_ = 0;
  float epoch_spread_sum_ = 0;
  float last_ = 0;  // until it judges
  float spreads_ = 0;
  std::uint32_t windows_raised_ = 0;
  std::uint8_t epochs_ = 0;  // of first_
  std::uint8_t epoch_windows_ = 0;
  std::uint8_t unusual_ = 0;  // bit i: i windows ago
  std::uint8_t quiet_ = 0;    // windows in a row, while raised
  bool has_candidate_ = false;
  bool raised_ = false;
};

}  // namespace faultline::detect
