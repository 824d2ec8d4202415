#include "controller/app/access_keeper.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "common/crypto/random.h"
#include "common/obs/log.h"

namespace faultline::app {
namespace {

using access::AuditTrail;
using store::Table;

// Fixed width, so that the ledger lists records in the order of their numbers.
std::string key_of(std::uint64_t number) { return fmt::format("{:020}", number); }

AuditTrail::Kind kind_of(const access::AuditRecord& record) {
  return record.outcome == access::AuditOutcome::kDenied ? AuditTrail::Kind::kDenial
                                                         : AuditTrail::Kind::kChange;
}

void skip(Table table, const store::LedgerDocument& document, const Error& error) {
  obs::log_warning("access", "skipped document {} of {}: {}", document.key, to_string(table),
                   error.context);
}

}  // namespace

AccessKeeper::AccessKeeper(const store::Ledger& ledger, access::AuditLimits limits, Commit commit)
    : ledger_(ledger),
      limits_(limits),
      commit_(std::move(commit)),
      trail_(limits),
      denials_(1 / std::chrono::duration<double>(kDenialInterval).count(), kDenialsBurst,
               async::now_instant()) {}

Status AccessKeeper::load() {
  FAULTLINE_TRY_STATUS(load_tokens());
  return load_trail();
}

Status AccessKeeper::load_tokens() {
  FAULTLINE_TRY(const auto documents, ledger_.list(Table::kApiTokens));
  access::TokenBook book;
  for (const auto& document : documents) {
    if (auto token = access::api_token_from_json(document.value)) {
      book.restore(*std::move(token));
    } else {
      skip(Table::kApiTokens, document, token.error());
    }
  }
  book_.publish(std::move(book));
  return {};
}

Status AccessKeeper::load_trail() {
  FAULTLINE_TRY(const auto documents, ledger_.list(Table::kAudit));
  for (const auto& document : documents) {
    const auto record = access::audit_record_from_json(document.value);
    if (record && document.key == key_of(record->number)) {
      trail_.added(kind_of(*record), {record->number, document.version}, record->at);
    } else {
      skip(Table::kAudit, document,
           record ? Error{ErrorCode::kCorrupt, "its number is another"} : record.error());
    }
  }
  return {};
}

Result<access::Principal> AccessKeeper::authenticate(std::string_view token) const {
  return book_.snapshot()->verify(token, async::now_wall());
}

Result<std::vector<access::ApiToken>> AccessKeeper::api_tokens() const {
  return book_.snapshot()->by_name();
}

Result<api::AuditList> AccessKeeper::audit(const api::AuditRequest& request) const {
  FAULTLINE_TRY(const auto documents, ledger_.list(Table::kAudit));
  const auto from = async::now_wall() - std::min(request.since, limits_.age_max);
  api::AuditList list;
  for (const auto& document : documents) {
    auto record = access::audit_record_from_json(document.value);
    if (record && record->at >= from) list.records.push_back(*std::move(record));
  }
  if (list.records.size() > api::kAuditListedMax) {
    list.truncated = true;
    list.records.erase(list.records.begin(),
                       list.records.end() - static_cast<std::ptrdiff_t>(api::kAuditListedMax));
  }
  return list;
}

Result<api::NewApiToken> AccessKeeper::create_api_token(const api::ApiTokenRequest& request) {
  auto book = *book_.snapshot();
  FAULTLINE_TRY_STATUS(book.check_new(request.name, request.lifetime));
  access::TokenId id{};
  access::TokenSecret secret{};
  crypto::random_bytes(id);
  crypto::random_bytes(secret);
  const auto text = access::format_api_token(id, secret);
  const auto now = async::now_wall();
  access::ApiToken token{.id = access::id_of_api_token(text).value_or(""),
                         .name = request.name,
                         .role = request.role,
                         .hash = crypto::sha256(text),
                         .created_at = now,
                         .created_by = request.created_by,
                         .expires_at = now + request.lifetime};
  FAULTLINE_TRY_STATUS(commit_({{Table::kApiTokens, token.id, access::to_json(token), 0}}));
  book.add(token);
  book_.publish(std::move(book));
  return api::NewApiToken{.token = std::move(token), .secret = text};
}

Status AccessKeeper::revoke_api_token(std::string_view name) {
  auto book = *book_.snapshot();
  FAULTLINE_TRY(const auto token, book.find(name));
  // Gone already when an earlier attempt was durable after it had been given up.
  FAULTLINE_TRY(const auto stored, ledger_.get(Table::kApiTokens, token.id));
  if (stored) {
    FAULTLINE_TRY_STATUS(commit_({{Table::kApiTokens, token.id, std::nullopt, stored->version}}));
  }
  book.remove(token.id);
  book_.publish(std::move(book));
  return {};
}

Result<std::uint64_t> AccessKeeper::append(AuditTrail::Kind kind, access::AuditRecord record) {
  make_room(kind, record.at);
  // A number is used up even when the commit fails: it may be durable later all the same.
  record.number = trail_.take_number();
  auto committed = commit_({{Table::kAudit, key_of(record.number), access::to_json(record), 0}});
  if (!committed) {
    counters_.audit_failures.add();
    return tl::unexpected(std::move(committed).error());
  }
  trail_.added(kind, {record.number, 1}, record.at);
  return record.number;
}

// Forgotten at once, whether or not the erasure succeeds: what stays is found at the next start.
void AccessKeeper::make_room(AuditTrail::Kind kind, WallTime now) {
  std::vector<store::LedgerWrite> erasures;
  for (const auto& entry : trail_.to_erase(kind, now, async::now_instant())) {
    erasures.push_back({Table::kAudit, key_of(entry.number), std::nullopt, entry.writes});
    trail_.erased(entry.number);
  }
  if (erasures.empty()) return;
  if (const auto erased = commit_(std::move(erasures)); !erased) {
    obs::log_warning("access", "cannot erase old audit records: {}", erased.error().context);
  }
}

Result<std::uint64_t> AccessKeeper::begin_change(access::AuditRecord record) {
  record.outcome = access::AuditOutcome::kStarted;
  return append(AuditTrail::Kind::kChange, std::move(record));
}

void AccessKeeper::end_change(access::AuditRecord record) {
  const auto writes = trail_.writes_of(record.number);
  const auto written =
      commit_({{Table::kAudit, key_of(record.number), access::to_json(record), writes}});
  if (written) {
    trail_.rewritten(record.number);
    counters_.audited.add();
    return;
  }
  counters_.audit_failures.add();
  obs::log_warning("access", "the outcome of audited change {} ({} {}: {}) is not recorded: {}",
                   record.number, record.method, record.route, record.status,
                   written.error().context);
}

void AccessKeeper::record_change(access::AuditRecord record) {
  const auto text = fmt::format("{} {} by {}", record.route, record.subject, record.who);
  if (const auto written = append(AuditTrail::Kind::kChange, std::move(record)); written) {
    counters_.audited.add();
  } else {
    obs::log_warning("access", "not in the audit log: {}: {}", text, written.error().context);
  }
}

void AccessKeeper::record_denial(access::AuditRecord record) {
  if (!denials_.take(async::now_instant())) {
    ++denials_suppressed_;
    counters_.denials_skipped.add();
    return;
  }
  record.outcome = access::AuditOutcome::kDenied;
  record.suppressed = denials_suppressed_;
  if (append(AuditTrail::Kind::kDenial, std::move(record))) denials_suppressed_ = 0;
}

}  // namespace faultline::app
