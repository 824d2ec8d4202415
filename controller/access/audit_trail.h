// AuditTrail: which records of the audit log there are, and which have to go for the next one.
//
// Why it exists: the log is bounded in count and age, and strangers may not push out what operators
// did: denied attempts have a bound of their own. Only numbers and times are kept in memory; the
// records are in the ledger.
//
// Pure; thread safety: none.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "common/base/time.h"

namespace faultline::access {

inline constexpr std::size_t kAuditChangesMax = 10'000;
inline constexpr std::size_t kAuditDenialsMax = 1'000;
inline constexpr Duration kAuditAgeDefault = std::chrono::hours{24 * 365};
inline constexpr std::size_t kAuditErasedAtOnceMax = 100;  // one commit stays small

struct AuditLimits {
  std::size_t changes_max = kAuditChangesMax;
  std::size_t denials_max = kAuditDenialsMax;
  Duration age_max = kAuditAgeDefault;
};

class AuditTrail {
 public:
  enum class Kind : std::uint8_t { kChange, kDenial };
  // A record that is there; `writes` says how often it was written (the ledger's version).
  struct Entry {
    std::uint64_t number = 0;
    std::uint64_t writes = 1;

    bool operator==(const Entry&) const = default;
  };

  explicit AuditTrail(AuditLimits limits) : limits_(limits) {}

  // Numbers grow by one and are never used twice, also across restarts: the next one is above all
  // that were taken or added.
  [[nodiscard]] std::uint64_t take_number() { return next_++; }
  // Also at start, with what the ledger holds.
  void added(Kind kind, Entry entry, WallTime at);
  void rewritten(std::uint64_t number);
  void erased(std::uint64_t number);

  // What must go so that one more of this kind fits, and what is too old; the oldest first, at most
  // kAuditErasedAtOnceMax.
  [[nodiscard]] std::vector<Entry> to_erase(Kind next, WallTime now) const;
  // 0 when there is no such record (any more).
  [[nodiscard]] std::uint64_t writes_of(std::uint64_t number) const;
  [[nodiscard]] std::size_t size() const { return changes_.size() + denials_.size(); }

 private:
  struct Kept {
    std::uint64_t writes = 0;
    WallTime at{};
  };
  using Records = std::map<std::uint64_t, Kept>;  // by number

  AuditLimits limits_;
  Records changes_;
  Records denials_;
  std::uint64_t next_ = 1;
};

}  // namespace faultline::access
