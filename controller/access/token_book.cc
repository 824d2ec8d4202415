#include "controller/access/token_book.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/model/node.h"

namespace faultline::access {
Status TokenBook::check_new(std::string_view name, Duration lifetime) const {
  FAULTLINE_TRY_STATUS(validate_name(name));
  if (lifetime < std::chrono::seconds{1} || lifetime > kApiTokenLifetimeMax) {
    return fail(ErrorCode::kInvalid, fmt::format("the lifetime must be between 1s and {}",
                                                 format_duration(kApiTokenLifetimeMax)));
  }
  if (find(name)) {
    return fail(ErrorCode::kConflict,
                fmt::format("there is an API token {} already; revoke it first with `faultline "
                            "access token revoke {}`",
                            name, name));
  }
  if (tokens_.size() >= kApiTokensMax) {
    return fail(ErrorCode::kLimit, fmt::format("there are {} API tokens, as many as may be; revoke "
                                               "some that `faultline access token list` shows",
                                               kApiTokensMax));
  }
  return {};
}

Result<ApiToken> TokenBook::find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(tokens_, [&](const auto& entry) { return entry.second.name == name; });
  if (found != tokens_.end()) return found->second;
  return fail(
      ErrorCode::kNotFound,
      fmt::format("there is no API token {}; `faultline access token list` shows all", name));
}

Result<Principal> TokenBook::verify(std::string_view text, WallTime now) const {
  const auto id = id_of_api_token(text);
  if (!id) {
    return fail(ErrorCode::kDenied,
                "this is not an API token: one begins with flo_ and is made by `faultline access "
                "token create`");
  }
  static const ApiToken kNone;  // compared with, so that an unknown id takes the same time
  const auto found = tokens_.find(*id);
  const auto& token = found == tokens_.end() ? kNone : found->second;
  const bool right = crypto::equal_in_constant_time(crypto::sha256(text), token.hash);
  if (!right || found == tokens_.end()) {
    return fail(ErrorCode::kDenied, "this API token is not known: it was revoked, or never made");
  }
  if (now >= token.expires_at) {
    return fail(ErrorCode::kDenied, fmt::format("the API token {} expired at {}", token.name,
                                                format_rfc3339(token.expires_at)));
  }
  return Principal{.name = "token " + token.name, .peer = {}, .role = token.role};
}

std::vector<ApiToken> TokenBook::by_name() const {
  std::vector<ApiToken> tokens;
  for (const auto& [id, token] : tokens_) tokens.push_back(token);
  std::ranges::sort(tokens, {}, &ApiToken::name);
  return tokens;
}

}  // namespace faultline::access
