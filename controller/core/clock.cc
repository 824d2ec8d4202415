// ControllerCore's side of its own clock: what becomes of windows, nodes and incidents when
// somebody sets it.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "controller/core/core.h"

namespace faultline::core {

// Before anything else of a step, so that nothing is taken by one clock and judged by another.
void ControllerCore::watch_clock(Now now, EffectSink& effects) {
  const auto seen = clock_watch_.look(now);
  if (!seen) return;
  // By then as much is measured anew as the wall clock has moved out of sight.
  const Duration moved = std::chrono::abs(seen->set + seen->slept);
  evidence_whole_at_ =
      std::max(evidence_whole_at_, now.instant + std::min(moved, longest_horizon(options_)));
  if (seen->slept != Duration{}) {
    ++counters_.machine_sleeps;
    effects.log(Severity::kWarning, "clock",
                fmt::format("this machine slept for {}: nothing was judged meanwhile",
                            format_duration(seen->slept)));
  }
  if (seen->set == Duration{}) return;
  ++counters_.clock_steps;
  const bool is_back = seen->set < Duration::zero();
  effects.log(Severity::kWarning, "clock",
              fmt::format("the clock of this machine was set {} by {}", is_back ? "back" : "ahead",
                          format_duration(std::chrono::abs(seen->set))));
  fleet_.our_clock_was_set(seen->set);
  clock_set_.by += seen->set;
  if (is_back) clock_was_set_back(now);
}

// As at a start: what was judged is in the journal, and the live part of it begins anew.
void ControllerCore::clock_was_set_back(Now now) {
  clock_set_.back = true;
  // A window that stays judged gets no other verdict (WindowBook::set_back).
  if (solving_ && !(window_solving_ && *window_solving_ <= now.wall)) job_is_void_ = true;
  windows_.set_back(now.wall);
  incidents_.set_back(now.wall);
  fleet_.set_back(now.wall);
  inquiries_.set_back(now.wall);
  relays_.set_back(now.wall);
  paths_to_change().set_back(now.wall);
  std::erase_if(last_windows_, [&](const auto& it) { return it.second > now.wall; });
  recall_ = {};
  begin_recall(intake_.durable(), now.wall);
  recall_.again = true;
}

}  // namespace faultline::core
