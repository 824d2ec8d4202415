// History: the changes of the last hours, and which of them touch a component that went bad.
//
// Why it exists: thousands of things change in a fleet every hour. On-call wants the few that lie
// between the last good window and the first bad one and have to do with the suspect.
//
// Alike changes (kind, before and after) within kAlikeWithin become one with a count: a link that
// goes down moves hundreds of flows by the same way round.
//
// Bounds: kChangesPerKindMax of each kind, so that rerouted flows never push out a restarted node;
// the oldest goes, which is counted. kComponentsPerChangeMax components of each.
//
// Thread safety: none; a snapshot is a copy.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "controller/changes/change.h"

namespace faultline::changes {

inline constexpr std::size_t kChangesPerKindMax = 1024;
inline constexpr std::size_t kComponentsPerChangeMax = 64;
inline constexpr Duration kAlikeWithin = std::chrono::seconds{30};
// A cause comes before its effect, by up to this (timeouts, caches, a route that is withdrawn).
inline constexpr Duration kCauseBefore = std::chrono::seconds{60};
// Traces take their turn: a path that was another in the first bad window is seen so much later.
inline constexpr Duration kTraceLag = std::chrono::minutes{3};
// And nodes read their own configuration every so often: a change is told with the time of reading.
inline constexpr Duration kFactsLag = std::chrono::minutes{1};

struct Question {
  WallTime last_good_end{};  // end of the last good window
  WallTime first_bad_end{};
  std::vector<Component> suspects{};    // the component, and what it cannot be told from
  std::vector<std::string> affected{};  // nodes in the blast radius
  std::size_t changes_max = 8;
};

class History {
 public:
  // Changes come in about the order of their times; one that is late is put in its place.
  void note(Change change);

  // At or after `from`, newest first, at most `changes_max`.
  [[nodiscard]] std::vector<Change> since(WallTime from, std::size_t changes_max) const;

  // Those that may have to do with the question's component, the most relevant first: at the
  // component itself, then at its ends, then at an affected node, then in the whole fleet; among
  // those the kind that breaks things more often, then the nearest to the first bad window.
  [[nodiscard]] std::vector<Change> touching(const Question& question) const;

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::uint64_t forgotten() const { return forgotten_; }

 private:
  static constexpr std::size_t kKinds = 8;
  std::array<std::deque<Change>, kKinds> changes_;  // by kind, oldest first
  std::uint64_t forgotten_ = 0;
};

}  // namespace faultline::changes
