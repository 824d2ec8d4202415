// AccessKeeper: API tokens and the audit log, between the ledger and the API.
//
// Why it exists: both must be durable before anybody relies on them, and tokens are verified on
// every request without touching a disk: the book of tokens is published, the ledger is written by
// the writer. What cannot be read of either is skipped and logged: such a token opens nothing.
//
// Thread safety: as api::AccessControl says. load() before anything else.
#pragma once

#include <functional>
#include <future>
#include <string>
#include <vector>

#include "common/async/published.h"
#include "common/obs/metrics.h"
#include "common/stats/token_bucket.h"
#include "controller/access/audit_trail.h"
#include "controller/access/token_book.h"
#include "controller/api/access_control.h"
#include "controller/store/ledger.h"

namespace faultline::app {

// Denied attempts that are recorded: so many at once, then one per interval.
inline constexpr double kDenialsBurst = 20;
inline constexpr Duration kDenialInterval = std::chrono::seconds{10};

struct AccessCounters {
  obs::Counter audited;          // changes recorded
  obs::Counter audit_failures;   // trouble above zero: changes are refused, or have no outcome
  obs::Counter denials_skipped;  // over the rate
};

class AccessKeeper : public api::AccessControl {
 public:
  // Hands the commit to the ledger's one writer; the Status is there once it is durable, or has
  // taken too long. Blocks.
  using Commit = std::function<Status(std::vector<store::LedgerWrite> writes)>;

  AccessKeeper(const store::Ledger& ledger, access::AuditLimits limits, Commit commit);

  // Reads what the ledger holds.
  [[nodiscard]] Status load();

  Result<access::Principal> authenticate(std::string_view token) const override;
  Result<std::vector<access::ApiToken>> api_tokens() const override;
  Result<api::AuditList> audit(const api::AuditRequest& request) const override;

  Result<api::NewApiToken> create_api_token(const api::ApiTokenRequest& request) override;
  Status revoke_api_token(std::string_view name) override;
  Result<std::uint64_t> begin_change(access::AuditRecord record) override;
  void end_change(access::AuditRecord record) override;
  void record_change(access::AuditRecord record) override;
  void record_denial(access::AuditRecord record) override;

  [[nodiscard]] const AccessCounters& counters() const { return counters_; }

 private:
  [[nodiscard]] Status load_tokens();
  [[nodiscard]] Status load_trail();
  [[nodiscard]] Result<std::uint64_t> append(access::AuditTrail::Kind kind,
                                             access::AuditRecord record);
  void make_room(access::AuditTrail::Kind kind, WallTime now);

  const store::Ledger& ledger_;
  const access::AuditLimits limits_;
  const Commit commit_;
  async::Published<access::TokenBook> book_;
  access::AuditTrail trail_;
  stats::TokenBucket denials_;
  std::uint64_t denials_suppressed_ = 0;
  AccessCounters counters_;
};

}  // namespace faultline::app
