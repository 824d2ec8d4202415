// An AccessControl in memory: one token of each role, and what was recorded.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "controller/api/access_control.h"

namespace faultline::api {

inline constexpr WallTime kFakeAccessNow{std::chrono::seconds{1'790'000'050}};

inline std::string fake_token_text(std::uint8_t seed) {
  access::TokenId id{};
  access::TokenSecret secret{};
  id.fill(seed);
  secret.fill(seed);
  return access::format_api_token(id, secret);
}

class FakeAccessControl : public AccessControl {
 public:
  FakeAccessControl() {
    std::uint8_t seed = 0;
    for (const auto role : {access::Role::kViewer, access::Role::kOperator, access::Role::kAdmin}) {
      add(std::string(to_string(role)), role, ++seed, std::chrono::hours{1});
    }
    add("expired", access::Role::kAdmin, ++seed, Duration{});
  }

  // The text of a fake token: "viewer", "operator", "admin", "expired".
  [[nodiscard]] std::string text(const std::string& name) const { return texts_.at(name); }

  std::optional<Error> broken;  // nothing can be recorded

  Result<access::Principal> authenticate(std::string_view token) const override {
    const std::lock_guard lock{mutex_};
    return book_.verify(token, kFakeAccessNow);
  }
  Result<std::vector<access::ApiToken>> api_tokens() const override {
    const std::lock_guard lock{mutex_};
    return book_.by_name();
  }
  Result<AuditList> audit(const AuditRequest& request) const override {
    const std::lock_guard lock{mutex_};
    auto list = AuditList{records_, false};
    std::erase_if(list.records, [&](const access::AuditRecord& record) {
      return record.at < kFakeAccessNow - request.since;
    });
    return list;
  }

  Result<NewApiToken> create_api_token(const ApiTokenRequest& request) override {
    const std::lock_guard lock{mutex_};
    FAULTLINE_TRY_STATUS(book_.check_new(request.name, request.lifetime));
    auto token = make(request.name, request.role, 99, request.lifetime);
    token.created_by = request.created_by;
    book_.add(token);
    return NewApiToken{token, fake_token_text(99)};
  }
  Status revoke_api_token(std::string_view name) override {
    const std::lock_guard lock{mutex_};
    FAULTLINE_TRY(const auto token, book_.find(name));
    book_.remove(token.id);
    return {};
  }

  Result<std::uint64_t> begin_change(access::AuditRecord record) override {
    const std::lock_guard lock{mutex_};
    if (broken) return tl::unexpected(*broken);
    record.number = records_.size() + 1;
    records_.push_back(record);
    return record.number;
  }
  void end_change(access::AuditRecord record) override {
    const std::lock_guard lock{mutex_};
    records_.at(record.number - 1) = std::move(record);
  }
  void record_change(access::AuditRecord record) override { record_denial(std::move(record)); }
  void record_denial(access::AuditRecord record) override {
    const std::lock_guard lock{mutex_};
    record.number = records_.size() + 1;
    records_.push_back(std::move(record));
  }

  [[nodiscard]] std::vector<access::AuditRecord> records() const {
    const std::lock_guard lock{mutex_};
    return records_;
  }

 private:
  static access::ApiToken make(const std::string& name, access::Role role, std::uint8_t seed,
                               Duration lifetime) {
    const auto text = fake_token_text(seed);
    return {.id = *access::id_of_api_token(text),
            .name = name,
            .role = role,
            .hash = crypto::sha256(text),
            .created_at = kFakeAccessNow - std::chrono::hours{2},
            .created_by = "uid 0",
            .expires_at = kFakeAccessNow + lifetime};
  }
  void add(const std::string& name, access::Role role, std::uint8_t seed, Duration lifetime) {
    book_.add(make(name, role, seed, lifetime));
    texts_[name] = fake_token_text(seed);
  }

  mutable std::mutex mutex_;
  access::TokenBook book_;
  std::map<std::string, std::string> texts_;
  std::vector<access::AuditRecord> records_;
};

}  // namespace faultline::api
