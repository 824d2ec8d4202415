// For this folder's sources only: who A and B are, and by which door A comes in if it is outside.
#pragma once

#include "controller/vpc/reach_walk.h"

namespace faultline::vpc {

struct Parties {
  Party from{};
  Party to{};
};
// What was typed, found in the snapshot. Errors say what is ambiguous, missing or of no use.
[[nodiscard]] Result<Parties> find_parties(const Model& model, const Question& question);

// `from` is outside, `to` is an interface. kNone: nothing in the snapshot leads there.
[[nodiscard]] Door find_door(const Model& model, const Parties& parties);

}  // namespace faultline::vpc
