// DiagnoseQueries: gathers what a diagnosis is made of (diagnose/inputs.h) from the snapshot, the
// journal and the kept facts. It concludes nothing.
//
// Thread safety: as Queries; blocks on reads.
#pragma once

#include <optional>
#include <string>

#include "common/base/result.h"
#include "controller/api/backend.h"
#include "controller/app/queries.h"
#include "controller/diagnose/inputs.h"
#include "controller/store/ledger.h"

namespace faultline::app {

// Nodes beside the two ends whose facts are compared with theirs: neighbors, and what is between.
inline constexpr std::size_t kNeighborsComparedMax = 300;
inline constexpr int kNewestWindows = 2;  // what "now" is
// In the last window alone, for it to be judged without the one before.
inline constexpr std::uint64_t kNewestPacketsMin = 10;
inline constexpr int kMinuteWindows = 6;
inline constexpr Duration kUsualSpan = std::chrono::minutes{10};

class DiagnoseQueries {
 public:
  DiagnoseQueries(const Queries& queries, const store::Ledger& ledger)
      : queries_(queries), ledger_(ledger) {}

  // The node that is meant: by name, or by the address it measures from. Null: none.
  [[nodiscard]] static const api::NodeView* find_end(const Snapshot& snapshot,
                                                     const std::string& typed);
  // kNotFound: neither of the two is a node, or one is neither a node nor an address.
  [[nodiscard]] Result<diagnose::Inputs> gather(const Snapshot& snapshot,
                                                const api::DiagnoseRequest& request,
                                                WallTime now) const;

 private:
  [[nodiscard]] Status add_sessions(const Snapshot& snapshot, const api::NodeView* a,
                                    const api::NodeView* b, diagnose::Inputs& inputs) const;
  [[nodiscard]] Status add_paths(const Snapshot& snapshot, const api::NodeView& from,
                                 const api::NodeView& to, WallTime at,
                                 diagnose::Session& session) const;
  [[nodiscard]] Status add_accused(const Snapshot& snapshot, const diagnose::Question& question,
                                   const api::NodeView* a, const api::NodeView* b,
                                   diagnose::Inputs& inputs) const;
  void add_facts(const Snapshot& snapshot, const api::NodeView* a, const api::NodeView* b,
                 diagnose::Inputs& inputs) const;

  const Queries& queries_;
  const store::Ledger& ledger_;
};

}  // namespace faultline::app
