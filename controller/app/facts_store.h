// The facts of nodes in the ledger: the newest snapshot of each, and what it was before.
//
// Why it exists: "what changed on that host before it broke" is asked after the fact. The newest
// snapshot is a document of its own, readable as it lies; each of the older ones is a difference
// that leads back to it from the next newer one, in a ring of kFactsHistoryMax slots per node.
//
// Thread safety: keep_facts() and forget_facts() on one thread (the writer); reads on any thread.
#pragma once

#include <optional>

#include "common/base/result.h"
#include "common/facts/facts.h"
#include "common/model/control.h"
#include "common/model/ids.h"
#include "controller/store/ledger.h"

namespace faultline::app {

inline constexpr std::uint64_t kFactsHistoryMax = 64;  // steps back, per node

// Follows the update from what is kept, durably; returns what is kept now. kConflict: it builds on
// another.
[[nodiscard]] Result<facts::Facts> keep_facts(store::Ledger& ledger, NodeId node,
                                              const FactsUpdate& update);

// As of `at`, or the newest. kNotFound: the node sent none, or none that old is kept.
[[nodiscard]] Result<facts::Facts> load_facts(const store::Ledger& ledger, NodeId node,
                                              std::optional<WallTime> at);

// Of nodes that sent none since.
[[nodiscard]] Status drop_facts_before(store::Ledger& ledger, WallTime horizon);

}  // namespace faultline::app
