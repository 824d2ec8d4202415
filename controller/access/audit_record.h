// AuditRecord: one change, or one attempt that was denied: who, when, what, and how it ended.
//
// A change is recorded before it is carried out, as kStarted, and again with its outcome. So a
// record that stays kStarted is a change that a crash or a full disk cut off: it may have happened.
//
// What the fleet does without a request (a node joins, or changes its key) is recorded when it is
// done: the method is FLEET, the route says what.
//
// No secret is ever in it: neither bodies nor queries are recorded, only the route and the names in
// it. Thread safety: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"
#include "controller/access/principal.h"

namespace faultline::access {

inline constexpr std::size_t kAuditTextMax = 256;  // bytes of each text; the rest is cut off

enum class AuditOutcome : std::uint8_t {
  kStarted,  // not known (yet)
  kDone,
  kRefused,  // by the controller: the request was wrong
  kFailed,   // it could not be carried out, or not in time
  kDenied,   // who asked may not, or was not known
};
[[nodiscard]] std::string_view to_string(AuditOutcome outcome);
// What an HTTP status means for a change that was permitted.
[[nodiscard]] AuditOutcome outcome_of_status(unsigned status);

struct AuditRecord {
  std::uint64_t number = 0;  // grows by one; the order of the changes
  WallTime at{};
  std::string who;      // Principal::name; "nobody" without a valid token
  std::string peer;     // where from: "pid 4711", "192.0.2.7:40112"
  std::string role;     // that it was done with; empty for nobody
  std::string method;   // "DELETE"; "FLEET" without a request
  std::string route;    // "/api/v1/nodes/{name}"; "join"
  std::string subject;  // "h7"; what the route's {..} were, or what was made
  AuditOutcome outcome = AuditOutcome::kStarted;
  unsigned status = 0;           // of HTTP; 0: not known
  std::string reason;            // why it was denied, or what else came of it
  std::uint64_t suppressed = 0;  // denials before this one that were not recorded

  bool operator==(const AuditRecord&) const = default;
};

// Texts of strangers, made fit to be stored and shown: short, without control characters.
[[nodiscard]] std::string audit_text(std::string_view text);

[[nodiscard]] std::string to_json(const AuditRecord& record);
// kCorrupt for what to_json() does not write.
[[nodiscard]] Result<AuditRecord> audit_record_from_json(std::string_view text);

}  // namespace faultline::access
