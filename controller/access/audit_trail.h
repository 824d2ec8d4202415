// AuditTrail: which records of the audit log there are, and which have to go for the next one.
//
// Why it exists: the log is bounded in count and age, and strangers may not push out what operators
// did: denied attempts have a bound of their own. Only numbers and times are kept in memory; the
// records are in the ledger.
//
// A wrong clock does not cost the log: by age, an hour of the clock that nobody sets lets go at
// most a day's records, counted from the oldest, as retention of results does
// (controller/store/tiers.h).
//
// Pure; thread safety: none.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/base/time.h"

namespace faultline::access {

inline constexpr std::size_t kAuditChangesMax = 10'000;
inline constexpr std::size_t kAuditDenialsMax = 1'000;
inline constexpr Duration kAuditAgeDefault = std::chrono::hours{24 * 365};
inline constexpr std::size_t kAuditErasedAtOnceMax = 100;          // one commit stays small
inline constexpr Duration kAuditAgeStep = std::chrono::hours{24};  // lets go by age at most, in
inline constexpr Duration kAuditAgeEvery = std::chrono::hours{1};

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

  // What must go so that one more of this kind fits, and what is too old by `now`; the oldest
  // first, at most kAuditErasedAtOnceMax. `instant` measures the hours.
  [[nodiscard]] std::vector<Entry> to_erase(Kind next, WallTime now, Instant instant);
  // 0 when there is no such record (any more).
  [[nodiscard]] std::uint64_t writes_of(std::uint64_t number) const;
  [[nodiscard]] std::size_t size() const {
    return changes_.records.size() + denials_.records.size();
  }

 private:
  struct Kept {
    std::uint64_t writes = 0;
    WallTime at{};
  };
  struct Shelf {
    std::map<std::uint64_t, Kept> records;  // by number
    std::optional<Instant> step_began;      // of age
    WallTime step_ends{};                   // what is younger waits for the next one
  };

  void collect(Shelf& shelf, std::size_t excess, WallTime now, Instant instant,
               std::vector<Entry>& entries) const;

  AuditLimits limits_;
  Shelf changes_;
  Shelf denials_;
  std::uint64_t next_ = 1;
};

}  // namespace faultline::access
