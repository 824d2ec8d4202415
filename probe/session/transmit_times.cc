#include "probe/session/transmit_times.h"

#include <algorithm>

namespace faultline::session {
namespace {

constexpr std::size_t kFew = 2;          // the first and the last
constexpr std::uint32_t kWaryGoes = 16;  // after a span that told nothing
constexpr int kStepShare = 16;           // of a new sample in the running mean
constexpr int kStretchMax = 2;           // a span may be so many times the mean...
// ... and this longer: an interrupt or two, which no stamp and no sender escapes.
constexpr Duration kSlack = std::chrono::microseconds{20};

}  // namespace

void TransmitTimes::begin(std::size_t count) {
  count_ = count;
  added_ = 0;
  kept_ = count <= kUnstampedMax - (end_ - begin_);
  sparse_ = kept_ && wary_ == 0 && count > kFew;
  if (wary_ > 0) --wary_;
}

bool TransmitTimes::add(Packet packet) {
  const auto index = added_++;
  const bool last = added_ == count_;
  const bool asks = !sparse_ || last || index % kStampStride == 0;
  if (kept_) entry(end_++) = {.packet = packet, .asks = asks, .last = last};
  return asks;
}

std::uint32_t TransmitTimes::find(Packet packet) {
  for (auto number = from_ ? begin_ + 1 : begin_; number != end_; ++number) {
    const auto& waiting = entry(number);
    if (waiting.asks && waiting.packet == packet) return number;
  }
  return end_;
}

TransmitTimes::Departures TransmitTimes::on_stamp(Packet packet, WallTime at) {
  told_count_ = 0;
  stamped_ = true;
  tell(packet, at);
  const auto found = find(packet);
  if (found == end_) return std::span(told_).first(told_count_);
  between(found, at);
  begin_ = found;
  from_ = at;
  if (entry(found).last) {  // the next go has nothing to do with it
    ++begin_;
    from_.reset();
  }
  return std::span(told_).first(told_count_);
}

// Tells of the packets from begin_ up to the one before `last`, which left at `at`.
void TransmitTimes::between(std::uint32_t last, WallTime at) {
  const auto first = from_ ? begin_ + 1 : begin_;
  bool known = from_.has_value();
  for (auto number = first; number != last; ++number) known = known && !entry(number).asks;
  const auto steps = last - begin_;
  known = known && plausible(at - *from_, steps);
  for (auto number = first; number != last; ++number) {
    const auto step = static_cast<std::int64_t>(number - begin_);
    tell(entry(number).packet,
         known ? std::optional(*from_ + (at - *from_) * step / static_cast<std::int64_t>(steps))
               : std::nullopt);
  }
  if (first != last && !known) wary_ = kWaryGoes;
}

// What lies between two stamps also tells how long a packet takes, though a long span no more than
// that it may be longer than was thought.
bool TransmitTimes::plausible(Duration span, std::uint32_t steps) {
  const auto count = static_cast<std::int64_t>(steps);
  const Duration longest = kStretchMax * step_ * count + kSlack;
  const bool sound = span >= Duration::zero() && span <= longest;
  step_ += (std::clamp(span, Duration::zero(), longest) / count - step_) / kStepShare;
  return sound;
}

TransmitTimes::Departures TransmitTimes::give_up() {
  told_count_ = 0;
  const auto first = from_ ? begin_ + 1 : begin_;
  for (auto number = first; number != end_ && stamped_; ++number) {
    tell(entry(number).packet, std::nullopt);
  }
  if (first != end_) wary_ = kWaryGoes;
  begin_ = end_;
  from_.reset();
  return std::span(told_).first(told_count_);
}

}  // namespace faultline::session
