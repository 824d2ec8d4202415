// Between the core's documents and the store's tables: loading everything at start, and the
// versions that the ledger's compare-and-set wants.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "controller/core/core.h"
#include "controller/store/rocks_store.h"

namespace faultline::app {

// DocumentVersions: what version each document of the ledger has. This process is its only writer.
// Used by one thread at a time: the main thread at start, then the writer.
class DocumentVersions {
 public:
  void loaded(store::Table table, const store::LedgerDocument& document);
  [[nodiscard]] std::vector<store::LedgerWrite> to_ledger(
      const std::vector<core::DocumentWrite>& writes) const;
  void committed(const std::vector<store::LedgerWrite>& writes);

 private:
  std::map<std::pair<store::Table, std::string>, std::uint64_t> versions_;
};

// How far back windows are read whole, as those that may not be due yet are; and paths, for the
// windows that the core recalls.
struct LoadSpan {
  Duration open{};
  Duration longest{};
};

// Everything that the core takes over at start, at `now`. A damaged node, token or plan is an error
// that names it: who belongs to the fleet must not be guessed. Damaged incidents, alerts and
// windows are skipped and logged.
[[nodiscard]] Result<core::Restored> load_all(store::RocksStore& store, WallTime now,
                                              const LoadSpan& span, DocumentVersions& versions);

// What an unreadable incident costs is that incident, not the list of all: it is skipped, and one
// line of the log counts them and names the first.
[[nodiscard]] Result<std::vector<incident::Incident>> list_incidents(const store::Ledger& ledger);

// Retention: erases the incidents that were resolved before `horizon`. On the writer.
[[nodiscard]] Status drop_incidents_before(store::Ledger& ledger, WallTime horizon,
                                           DocumentVersions& versions);

}  // namespace faultline::app
