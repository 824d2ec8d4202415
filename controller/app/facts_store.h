// The facts of nodes in the ledger: the newest snapshot of each, and what it was before.
//
// Why it exists: "what changed on that host before it broke" is asked after the fact. The newest
// snapshot is a document of its own, readable as it lies. Older states are differences that lead
// back to each from the next newer one, in a ring of kFactsHistoryMax slots per node; a state
// begins when something lasting changed (facts::lasting), so that counters do not use the ring up.
// One earlier sample is kept beside the newest, for what matters when it grows.
//
// Thread safety: keep_facts() and drop_facts_before() on one thread (the writer); reads on any.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/facts/facts.h"
#include "common/model/control.h"
#include "common/model/ids.h"
#include "controller/diagnose/finding.h"
#include "controller/store/ledger.h"

namespace faultline::app {

inline constexpr std::uint64_t kFactsHistoryMax = 64;  // states, per node
// A sample is worth comparing with one that is at least so much older; one that is older than the
// second says little of now, and the next takes its place however young.
inline constexpr Duration kSampleAgeMin = std::chrono::seconds{30};
inline constexpr Duration kSampleAgeMax = std::chrono::seconds{60};

struct StoredFacts {
  facts::Facts facts{};
  WallTime since{};                       // when something lasting changed last
  std::optional<facts::Facts> earlier{};  // of the newest state only
};

// Follows the update from what is kept, durably; returns what is kept now. kConflict: it builds on
// another.
[[nodiscard]] Result<facts::Facts> keep_facts(store::Ledger& ledger, NodeId node,
                                              const FactsUpdate& update);

// As of `at`, or the newest. kNotFound: the node sent none, or none that old is kept.
[[nodiscard]] Result<StoredFacts> load_facts(const store::Ledger& ledger, NodeId node,
                                             std::optional<WallTime> at);

// The state at `since` and those after it, oldest first; begins later where none so old is kept.
[[nodiscard]] Result<std::vector<StoredFacts>> load_states(const store::Ledger& ledger, NodeId node,
                                                           WallTime since);

// The newest of many nodes, for rules that compare them.
struct FleetFacts {
  std::vector<diagnose::NodeFacts> facts{};
  std::vector<std::string> without{};  // nodes that have sent none
};
[[nodiscard]] FleetFacts load_fleet_facts(const store::Ledger& ledger,
                                          const std::vector<std::pair<NodeId, std::string>>& nodes);

// Of nodes that sent none since.
[[nodiscard]] Status drop_facts_before(store::Ledger& ledger, WallTime horizon);

}  // namespace faultline::app
