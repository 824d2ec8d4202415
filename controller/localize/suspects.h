// Suspects: each finding with its posterior, its ambiguity group, its rate, class, onset and
// evidence.
//
// The posterior of a suspect is taken among all single components that could explain what it
// explains, given the other suspects: sum over the group of e^total, over one plus that of all.
// Alternatives within kAmbiguousOdds of the best are its ambiguity group: the measurements at hand
// do not tell them apart (deTector, ATC 2017, does so by equal footprints; odds cover nearly equal
// ones too). Where many unlikely alternatives add up, the group grows until it holds nearly all
// that the data allow: of thirty links that share a fault's probability none may be named alone.
//
// Thread safety: pure, but for the selection, which is put back as it was.
#pragma once

#include <vector>

#include "controller/localize/evidence.h"
#include "controller/localize/findings.h"
#include "controller/localize/onset.h"

namespace faultline::localize {

inline constexpr double kAmbiguousOdds = 6;

[[nodiscard]] Suspect make_suspect(const ObservationSet& set, const OnsetFinder& onsets,
                                   const Problem& problem, const ComponentTable& components,
                                   Selection& selection, const Finding& finding,
                                   const Tally& tally);

}  // namespace faultline::localize
