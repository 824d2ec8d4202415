// What a comparison means: one word, one sentence, what else is worth knowing, what to do next.
//
// A verdict accuses only where packets themselves say so; captures that lost frames, do not overlap
// or hold too few packets make it inconclusive. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controller/capture/comparison.h"

namespace faultline::capture {

enum class Outcome : std::uint8_t { kOk = 0, kFault = 1, kInconclusive = 2 };  // exit codes
[[nodiscard]] std::string_view to_string(Outcome outcome);

struct Verdict {
  Outcome outcome = Outcome::kInconclusive;
  // not-sent, lost-forward, lost-return, lost-both, not-answered, damaged, altered, translated,
  // arrives, no-overlap, too-few, ends-unclear
  std::string code{};
  std::string summary{};             // one sentence
  std::vector<std::string> notes{};  // sentences
  std::string remedy{};              // empty: nothing to do

  bool operator==(const Verdict&) const = default;
};

// So many packets of a way must have been judged before "none is missing" means anything.
inline constexpr std::uint32_t kJudgedMin = 3;

[[nodiscard]] Verdict judge(const Comparison& comparison);

}  // namespace faultline::capture
