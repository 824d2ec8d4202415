#include "probe/session/attribution.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "common/base/check.h"

namespace faultline::session {
namespace {

// More arrivals of one packet than reply_low and reply_high can tell apart.
constexpr std::uint8_t kArrivalsDistinctMax = 2;

// Sums over the packets since an anchor, as far as they have been walked.
struct Gap {
  std::uint32_t length = 0;  // from the anchor's sequence to the packet at hand
  std::uint32_t unanswered_inside = 0;
  std::uint32_t unanswered_outside = 0;  // of another window
  std::uint32_t told_forward = 0;        // of those inside: the reflector said that they never came
  std::uint32_t told_returning = 0;      // ... that they came
  std::uint32_t arrivals = 0;
  bool tangled = false;  // holds a packet whose arrivals cannot be counted

  void add(const Fate& fate, bool inside) {
    ++length;
    if (!fate.sent) return;
    if (fate.arrivals == 0) ++(inside ? unanswered_inside : unanswered_outside);
    if (fate.arrivals == 0 && inside) {
      if (fate.told == Receipt::kNotReceived) ++told_forward;
      if (fate.told == Receipt::kReceived) ++told_returning;
    }
    arrivals += fate.arrivals;
    tangled = tangled || fate.arrivals > kArrivalsDistinctMax;
  }
  [[nodiscard]] std::uint32_t told() const { return told_forward + told_returning; }
};

// Reflector sequences on one scale, across the wrap of 32 bits.
class Scale {
 public:
  explicit Scale(std::uint32_t origin) : origin_(origin) {}
  [[nodiscard]] std::int64_t at(std::uint32_t reply) const {
    return static_cast<std::int32_t>(reply - origin_);
  }

 private:
  std::uint32_t origin_;
};

std::optional<std::uint32_t> first_reply(std::span<const Fate> fates) {
  const auto found = std::ranges::find_if(fates, [](const Fate& f) { return f.arrivals > 0; });
  if (found == fates.end()) return std::nullopt;
  return found->reply_low;
}

// Tells the anchors among fates, which must be asked for in ascending order.
class AnchorFinder {
 public:
  AnchorFinder(std::span<const Fate> fates, Scale scale, std::optional<std::uint32_t> highest)
      : fates_(fates), scale_(scale), lowest_from_(fates.size() + 1, kHighest) {
    if (highest) highest_before_ = scale.at(*highest);
    for (std::size_t i = fates.size(); i-- > 0;) {
      const bool answered = fates[i].arrivals > 0;
      lowest_from_[i] =
          std::min(lowest_from_[i + 1], answered ? scale.at(fates[i].reply_low) : kHighest);
    }
  }

  // Whether no other reply contradicts the order of this one.
  [[nodiscard]] bool is_anchor(std::size_t index) {
    const Fate& fate = fates_[index];
    if (fate.arrivals == 0) return false;
    const auto low = scale_.at(fate.reply_low);
    const auto high = scale_.at(fate.reply_high);
    const bool after_all_before = low > highest_before_;
    highest_before_ = std::max(highest_before_, high);
    return fate.arrivals == 1 && after_all_before && high < lowest_from_[index + 1];
  }

 private:
  static constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();

  std::span<const Fate> fates_;
  Scale scale_;
  std::vector<std::int64_t> lowest_from_;  // the lowest reply of this and all later packets
  std::int64_t highest_before_ = std::numeric_limits<std::int64_t>::min();
};

// What the two counts of an enclosed gap say.
struct GapVerdict {
  bool determined = false;
  bool contradiction = false;
  std::uint32_t forward = 0;
  std::uint32_t returning = 0;
};

GapVerdict judge(const Gap& gap, std::uint32_t last_reply, std::uint32_t reply) {
  const std::int64_t unanswered = std::int64_t{gap.unanswered_inside} + gap.unanswered_outside;
  const std::int64_t returning = Scale(last_reply).at(reply) - 1 - gap.arrivals;
  const std::int64_t forward = unanswered - returning;
  if (returning < 0 || forward < 0) return {.contradiction = true};
  const bool may_have_restarted =
      std::uint64_t{reply} + 1 <= std::uint64_t{gap.length} + kRestartSlack;
  if (may_have_restarted || gap.tangled) return {};
  return {.determined = true,
          .forward = static_cast<std::uint32_t>(forward),
          .returning = static_cast<std::uint32_t>(returning)};
}

// What the reflector itself said, for what the counts do not say.
void add_told(Loss& told, const Gap& gap) {
  told.forward += gap.told_forward;
  told.returning += gap.told_returning;
  told.undetermined += gap.unanswered_inside - gap.told();
}

void add(Loss& loss, Loss& told, const Gap& gap, const GapVerdict& verdict) {
  if (!verdict.determined || gap.told() == gap.unanswered_inside) {
    add_told(told, gap);
  } else if (gap.unanswered_outside == 0) {
    loss.forward += verdict.forward;
    loss.returning += verdict.returning;
  } else if (verdict.returning == 0) {
    loss.forward += gap.unanswered_inside;
  } else if (verdict.forward == 0) {
    loss.returning += gap.unanswered_inside;
  } else {
    add_told(told, gap);
  }
}

// An anchor that a later reply undercuts belongs to a reflector that has restarted since.
bool undercut(const Anchor& anchor, std::span<const Fate> fates) {
  const Scale scale(anchor.reply);
  return std::ranges::any_of(
      fates, [&](const Fate& fate) { return fate.arrivals > 0 && scale.at(fate.reply_low) <= 0; });
}

Anchor remember(bool anchored, std::uint32_t reply, const Gap& gap) {
  return {.known = anchored && !gap.tangled,
          .reply = reply,
          .distance = gap.length + 1,
          .unanswered = gap.unanswered_inside + gap.unanswered_outside,
          .arrivals = gap.arrivals};
}

// The highest reply among `fates`, on the scale of `origin`.
std::optional<std::uint32_t> highest_reply(std::span<const Fate> fates, std::uint32_t origin,
                                           std::optional<std::uint32_t> highest) {
  const Scale scale(origin);
  for (const Fate& fate : fates) {
    if (fate.arrivals == 0) continue;
    if (!highest || scale.at(fate.reply_high) > scale.at(*highest)) highest = fate.reply_high;
  }
  return highest;
}

}  // namespace

Loss attribute_loss(Anchor& anchor, std::span<const Fate> fates, std::size_t window) {
  FAULTLINE_CHECK(window <= fates.size(), "the window is part of the fates");
  if (anchor.known && undercut(anchor, fates)) anchor = {.contradicted = anchor.contradicted};
  bool anchored = anchor.known;
  const std::uint32_t origin = anchored ? anchor.reply : first_reply(fates).value_or(0);
  std::uint32_t last_reply = origin;
  Gap gap;
  if (anchored) {
    gap = {.length = anchor.distance - 1,
           .unanswered_outside = anchor.unanswered,
           .arrivals = anchor.arrivals};
  }
  Loss loss;  // by the counts
  Loss told;  // by the reflector's word, and what neither says
  Anchor next;
  bool contradiction = false;
  AnchorFinder anchors(fates, Scale(origin), anchor.highest);
  for (std::size_t i = 0;; ++i) {
    if (i == window) next = remember(anchored, last_reply, gap);
    if (i == fates.size()) break;
    if (!anchors.is_anchor(i)) {
      gap.add(fates[i], i < window);
      continue;
    }
    const std::uint32_t reply = fates[i].reply_low;
    ++gap.length;
    const auto verdict = anchored ? judge(gap, last_reply, reply) : GapVerdict{};
    contradiction = contradiction || verdict.contradiction;
    add(loss, told, gap, verdict);
    anchored = true;
    last_reply = reply;
    gap = {};
  }
  add_told(told, gap);
  if (contradiction || anchor.contradicted || !anchor.known) {
    loss.undetermined += loss.forward;
    loss.forward = 0;
  }
  next.contradicted = contradiction;
  next.highest =
      highest_reply(fates.first(window), origin, anchor.known ? anchor.highest : std::nullopt);
  anchor = next;
  return {.forward = loss.forward + told.forward,
          .returning = loss.returning + told.returning,
          .undetermined = loss.undetermined + told.undetermined};
}

}  // namespace faultline::session
