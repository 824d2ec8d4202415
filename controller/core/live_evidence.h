// What a stream says for and against a suspect after it was named: whether newer windows still bear
// it out, and whose flows it harms.
//
// Why it exists: a verdict of half an hour remembers a fault that was mended ten minutes ago. Its
// suspects are judged once more, by what the newest windows lose across them.
//
// Thread safety: pure.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "controller/localize/localizer.h"
#include "controller/localize/observation_set.h"
#include "controller/localize/stream.h"

namespace faultline::core {

// Which rows cross a suspect or a part of it. `set` must outlive it.
class Crossing {
 public:
  Crossing(const localize::ObservationSet& set, const localize::Suspect& suspect);

  [[nodiscard]] bool operator()(const localize::Stream::Key& key) const {
    return crosses(key.forward) || crosses(key.back);
  }

 private:
  [[nodiscard]] bool crosses(localize::RouteIndex route) const;

  const localize::ObservationSet& set_;
  std::vector<bool> crossed_;  // by path
};

// What crossed a suspect in one window, or one block of windows.
struct CrossedBlock {
  std::int64_t end_s = 0;
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;
};

// For each of `suspects`, newest first: its windows of the shortest horizon, then the older blocks
// of the longer ones up to `horizon`. Rows that cross one of `explained` are left out: their losses
// are somebody else's.
[[nodiscard]] std::vector<std::vector<CrossedBlock>> crossed_blocks(
    const localize::Stream& stream, localize::Horizon horizon, std::span<const Crossing> suspects,
    std::span<const Crossing> explained);

// Whether the newest window alone, the first of `blocks`, loses at least what the low end of the
// suspect's interval predicts, but for chance. The estimate is diluted by the windows since the
// healing: no loss at all is never a fault.
[[nodiscard]] bool is_borne_out(const localize::Suspect& suspect,
                                std::span<const CrossedBlock> blocks, std::int64_t newest_end_s);
// The same for a fault so weak that a window may lose nothing by chance: however many of the newest
// windows one looks at, they lose what is predicted.
[[nodiscard]] bool is_borne_out_lately(const localize::Suspect& suspect,
                                       std::span<const CrossedBlock> blocks);

// The ends of the flows that cross it, by name; of one that loses packets, of lossy flows only.
[[nodiscard]] std::vector<std::string> affected_by(const localize::Stream& stream,
                                                   localize::Horizon horizon,
                                                   const localize::ObservationSet& set,
                                                   const localize::Suspect& suspect);

}  // namespace faultline::core
