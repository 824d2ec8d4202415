// Ledger: the small documents that must never contradict each other: nodes, tokens, incidents, the
// outbox, the plan, API tokens, the audit log.
//
// Why it exists: these are decided on, not measured; each change is a compare-and-set, so two
// writers (later: two controllers) cannot overwrite each other unseen. Values are JSON so that an
// operator can read them at 03:00; the ledger itself does not look inside.
//
// Durability: commit() returns success only when all of it is on stable storage, as one unit.
// Thread safety: commit() from one thread (the writer); reads from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace faultline::store {

// The numbers are stored: never reuse one.
enum class Table : std::uint8_t {
  kNodes = 1,
  kTokens = 2,
  kIncidents = 3,
  kOutbox = 4,
  kPlan = 5,
  kMeta = 6,
  kApiTokens = 7,
  kAudit = 8,
  kControllerKeys = 9,
  kFacts = 10,
  kFactsHistory = 11,
  kSilences = 12,
};
[[nodiscard]] std::string_view to_string(Table table);

inline constexpr std::size_t kLedgerKeyMax = 256;         // bytes
inline constexpr std::size_t kLedgerValueMax = 16 << 20;  // bytes; the plan of a large fleet

// Versions begin at 1 and grow by one with every write of the key, so that a writer knows the
// version it will have made without waiting.
struct LedgerDocument {
  std::string key;
  std::string value;
  std::uint64_t version = 0;

  bool operator==(const LedgerDocument&) const = default;
};

struct LedgerWrite {
  Table table = Table::kMeta;
  std::string key;
  std::optional<std::string> value;    // empty removes the document
  std::uint64_t expected_version = 0;  // 0: the key must not exist

  bool operator==(const LedgerWrite&) const = default;
};

class Ledger {
 public:
  virtual ~Ledger() = default;

  // All or nothing. kConflict names the first document whose version is another; kLimit names a key
  // or value over its bound; kInvalid: an empty key, or one key twice in a commit.
  [[nodiscard]] virtual Status commit(std::span<const LedgerWrite> writes) = 0;

  [[nodiscard]] virtual Result<std::optional<LedgerDocument>> get(Table table,
                                                                  std::string_view key) const = 0;
  // In the order of the keys' bytes.
  [[nodiscard]] virtual Result<std::vector<LedgerDocument>> list(Table table) const = 0;
};

}  // namespace faultline::store
