// TokenBook: the API tokens there are, and whether a text is one of them.
//
// Why it exists: the decision about every request from a network is made here, without I/O. It is a
// value: the shell publishes a copy for the threads that verify, and stores what a change returns.
//
// Bounds: kApiTokensMax; at it, expired tokens must be revoked before another is made. Thread
// safety: none; a published copy may be read by any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "controller/access/api_token.h"
#include "controller/access/principal.h"

namespace faultline::access {

inline constexpr std::size_t kApiTokensMax = 256;
inline constexpr Duration kApiTokenLifetimeDefault = std::chrono::hours{24 * 90};
inline constexpr Duration kApiTokenLifetimeMax = std::chrono::hours{24 * 366};

class TokenBook {
 public:
  // At start, what the ledger holds.
  void restore(ApiToken token) { tokens_.insert_or_assign(token.id, std::move(token)); }

  // kInvalid for a name or lifetime that cannot be, kConflict for a name that is taken (also by an
  // expired token), kLimit. Does not change the book: add() does, once the token is durable.
  [[nodiscard]] Status check_new(std::string_view name, Duration lifetime) const;
  void add(ApiToken token) { restore(std::move(token)); }
  // kNotFound.
  [[nodiscard]] Result<ApiToken> find(std::string_view name) const;
  void remove(const std::string& id) { tokens_.erase(id); }

  // Who shows this text; without the peer, which only the caller knows. kDenied with one sentence
  // that says no more than the holder of the right secret may know. Takes the same time for a wrong
  // secret and for an id that does not exist.
  [[nodiscard]] Result<Principal> verify(std::string_view text, WallTime now) const;

  [[nodiscard]] std::vector<ApiToken> by_name() const;

 private:
  std::map<std::string, ApiToken> tokens_;  // by id
};

}  // namespace faultline::access
