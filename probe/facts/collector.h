// collect: the facts of the machine (or network namespace and container) that the calling thread is
// in.
//
// Why it exists: reading tables, files and tools is I/O that may take a while; it is gathered here,
// behind pure parsers, and belongs on a worker thread, never on the one that measures.
//
// What cannot be read becomes an entry of Facts::unknown and nothing else: collecting does not
// fail. Bounds: facts.h for what is kept, kMessagesMax for what is read of a table, run_child's for
// programs. Thread safety: may be called on any thread; blocks it for seconds in the worst case.
#pragma once

#include "common/base/time.h"
#include "common/facts/facts.h"

namespace faultline::probe_facts {

// Messages read of one table. A router with a million routes is told from its first ones, and as
// cut.
inline constexpr std::uint64_t kMessagesMax = 20'000;

struct CollectorOptions {
  // nft, iptables-legacy-save and lldpcli: without them firewall and LLDP stay unknown.
  bool run_programs = true;
};

struct Collection {
  facts::Facts facts{};
  Duration processor_time{};  // of the thread and of the programs that it ran
};

[[nodiscard]] Collection collect(const CollectorOptions& options);

// How long to wait before the next collection, so that collecting takes at most a thousandth of a
// processor.
inline constexpr Duration kIntervalMin = std::chrono::seconds{15};
inline constexpr int kProcessorShare = 1000;
[[nodiscard]] Duration pause_after(Duration processor_time);

}  // namespace faultline::probe_facts
