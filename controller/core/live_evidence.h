// What a stream says for and against a suspect after it was named: whether newer windows still bear
// it out, and whose flows it harms.
//
// Why it exists: a verdict of half an hour remembers a fault that was mended ten minutes ago. Its
// suspects are judged once more, by what the newest windows lose across them.
//
// Thread safety: pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "controller/localize/localizer.h"
#include "controller/localize/observation_set.h"
#include "controller/localize/stream.h"

namespace faultline::core {

// Of several suspects, which ones a row crosses, or a part of which. `set` must outlive it.
class Crossings {
 public:
  static constexpr std::size_t kSuspectsMax = 64;
  using Mask = std::uint64_t;  // bit i: suspect i

  Crossings(const localize::ObservationSet& set, std::span<const localize::Suspect> suspects);

  [[nodiscard]] Mask operator()(const localize::Stream::Key& key) const {
    const Mask back = key.back == localize::kNoRoute ? 0 : by_route_[key.back.value()];
    return by_route_[key.forward.value()] | back;
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::size_t size_ = 0;
  std::vector<Mask> by_route_;
};

// What crossed a suspect in one window, or one block of windows.
struct CrossedBlock {
  std::int64_t end_s = 0;
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;
};
using CrossedBlocks = std::vector<CrossedBlock>;  // newest first

// Of a row that crosses several of the suspects: whether it counts for each, or for none, because
// its losses may be another's.
enum class SharedRows : std::uint8_t { kCount, kLeftOut };

// For each of `suspects`: its windows of the shortest horizon, then the older blocks of the longer
// ones up to `horizon`. Rows that cross one of `explained` are left out: their losses are somebody
// else's.
[[nodiscard]] std::vector<CrossedBlocks> crossed_blocks(const localize::Stream& stream,
                                                        localize::Horizon horizon,
                                                        const Crossings& suspects,
                                                        const Crossings& explained,
                                                        SharedRows shared = SharedRows::kCount);

// Whether the newest window alone, the first of `blocks`, loses at least what the low end of the
// suspect's interval predicts, but for chance. The estimate is diluted by the windows since the
// healing: no loss at all is never a fault.
[[nodiscard]] bool is_borne_out(double loss_low, const CrossedBlocks& blocks,
                                std::int64_t newest_end_s);
// A suspect of a longer horizon.
struct LateClaim {
  double loss_low = 0;                       // over the horizon
  std::int64_t since_s = localize::kNoTime;  // its onset; blocks of before say nothing
};
// The same for a fault so weak that a window may lose nothing by chance: however many of the newest
// windows one looks at, they lose what those just before them predict, or all since the onset. That
// heals at once, though the estimate over the horizon is diluted by then. What nobody crosses any
// more is not borne out.
[[nodiscard]] bool is_borne_out_lately(const LateClaim& claim, const CrossedBlocks& blocks,
                                       std::int64_t newest_end_s);

// Share of the packets lost that cross none of `suspects`, over `horizon`; never 0. A minute of a
// small fleet holds some ten losses: too few to hold a weak suspect against.
[[nodiscard]] double background_of(const localize::Stream& stream, localize::Horizon horizon,
                                   const Crossings& suspects);
// Whether the suspect is more than a burst or two, and more than a busy link: the newest window
// loses what twice the background does not, or those since the onset do without the two worst. A
// queue that overflows for a tenth of a second stands out in a verdict of a minute for all of that
// minute.
[[nodiscard]] bool is_corroborated(std::int64_t since_s, const CrossedBlocks& blocks,
                                   double background, std::int64_t newest_end_s);

// For each of `suspects`, the ends of the flows that cross it, by name; of one that loses packets,
// of lossy flows only.
[[nodiscard]] std::vector<std::vector<std::string>> affected_by(
    const localize::Stream& stream, localize::Horizon horizon, const localize::ObservationSet& set,
    std::span<const localize::Suspect> suspects);

}  // namespace faultline::core
