// AccessControl: what the API asks about who may use it, and where changes are written down.
//
// Why it exists: the server and its routes know nothing of the ledger, and the tests run against a
// fake. Roles and records are values of controller/access.
//
// Thread safety: authenticate() and the reads may be called from any thread; authenticate() is
// quick. Everything that is not const is called on the API's "change" thread only, one after the
// other, so that the log has the order of the changes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "controller/access/audit_record.h"
#include "controller/access/principal.h"
#include "controller/access/token_book.h"

namespace faultline::api {

inline constexpr std::size_t kAuditListedMax = 1000;

struct ApiTokenRequest {
  std::string name;
  access::Role role = access::Role::kViewer;
  Duration lifetime = access::kApiTokenLifetimeDefault;
  std::string created_by;  // Principal::name
};

struct NewApiToken {
  access::ApiToken token;
  std::string secret;  // the text, shown this once
};

struct AuditRequest {
  Duration since = std::chrono::hours{24 * 30};
};

struct AuditList {
  std::vector<access::AuditRecord> records;  // in the order of the changes
  bool truncated = false;                    // older ones were left out
};

class AccessControl {
 public:
  virtual ~AccessControl() = default;

  // Who shows this token; kDenied with the sentence for a 401.
  virtual Result<access::Principal> authenticate(std::string_view token) const = 0;
  virtual Result<std::vector<access::ApiToken>> api_tokens() const = 0;  // by name
  // The newest kAuditListedMax of that time.
  virtual Result<AuditList> audit(const AuditRequest& request) const = 0;

  virtual Result<NewApiToken> create_api_token(const ApiTokenRequest& request) = 0;
  virtual Status revoke_api_token(std::string_view name) = 0;

  // Before a change: the record is durable when this returns its number. After an Error the change
  // must not be carried out.
  virtual Result<std::uint64_t> begin_change(access::AuditRecord record) = 0;
  // After it: the same record with its number and outcome.
  virtual void end_change(access::AuditRecord record) = 0;
  // What is recorded once it is done: a node joined or changed its key, a question had nodes test.
  virtual void record_change(access::AuditRecord record) = 0;
  // An attempt that was denied. Rate limited: what is not recorded is counted in the next record.
  virtual void record_denial(access::AuditRecord record) = 0;
};

}  // namespace faultline::api
