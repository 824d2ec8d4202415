#include "probe/ping/direction.h"

#include <algorithm>
#include <limits>

namespace faultline::ping {

void Directions::heard(const Answer& answer) {
  if (!answer.reflector_sequence || answer.sequence >= fates_.size()) return;
  auto& fate = fates_[answer.sequence];
  const auto reply = *answer.reflector_sequence;
  stateful_ = stateful_ || reply != answer.sequence;
  if (fate.arrivals == 0) {
    fate = {.arrivals = 1, .reply_low = reply, .reply_high = reply};
  } else if (reply != fate.reply_low && reply != fate.reply_high) {
    if (fate.arrivals < std::numeric_limits<std::uint8_t>::max()) ++fate.arrivals;
    fate.reply_low = std::min(fate.reply_low, reply);
    fate.reply_high = std::max(fate.reply_high, reply);
  }
}

std::optional<session::Loss> Directions::loss(const Series& series) const {
  if (!stateful_) return std::nullopt;
  const auto& pings = series.pings();
  std::vector<session::Fate> fates(fates_.begin(),
                                   fates_.begin() + static_cast<std::ptrdiff_t>(pings.size()));
  for (std::size_t i = 0; i < pings.size(); ++i) {
    if (pings[i].outcome == Outcome::kNotSent) fates[i].sent = false;
  }
  // Up to the first reply nothing precedes that a loss could be counted from; from there on it
  // does.
  const auto first = std::ranges::find_if(fates, [](const auto& f) { return f.arrivals > 0; });
  if (first == fates.end()) return std::nullopt;  // what was heard is of no ping of the series
  const auto before = static_cast<std::size_t>(first - fates.begin()) + 1;
  session::Anchor anchor;
  auto loss = session::attribute_loss(anchor, fates, before);
  const auto rest = std::span(fates).subspan(before);
  const auto later = session::attribute_loss(anchor, rest, rest.size());
  loss.forward += later.forward;
  loss.returning += later.returning;
  loss.undetermined += later.undetermined;
  return loss;
}

}  // namespace faultline::ping
