#include "controller/access/api_token.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace faultline::access {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kPrefix = "flo_";
constexpr std::size_t kIdDigits = 12;
constexpr std::size_t kSecretDigits = 43;
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string base64url(std::span<const std::uint8_t> bytes) {
  std::string text;
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const auto byte : bytes) {
    bits = (bits << 8) | byte;
    for (held += 8; held >= 6; held -= 6) text += kBase64Url[(bits >> (held - 6)) & 63];
  }
  if (held > 0) text += kBase64Url[(bits << (6 - held)) & 63];
  return text;
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }
bool is_base64url(char c) { return kBase64Url.find(c) != std::string_view::npos; }

std::optional<std::string> text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

}  // namespace

std::string format_api_token(const TokenId& id, const TokenSecret& secret) {
  std::string text{kPrefix};
  for (const auto byte : id) text += fmt::format("{:02x}", byte);
  return text + "_" + base64url(secret);
}

std::optional<std::string> id_of_api_token(std::string_view text) {
  if (text.size() != kApiTokenTextMax || !text.starts_with(kPrefix)) return std::nullopt;
  const auto id = text.substr(kPrefix.size(), kIdDigits);
  const auto secret = text.substr(kPrefix.size() + kIdDigits + 1);
  static_assert(kPrefix.size() + kIdDigits + 1 + kSecretDigits == kApiTokenTextMax);
  const bool well_formed = text[kPrefix.size() + kIdDigits] == '_' &&
                           std::ranges::all_of(id, is_hex) &&
                           std::ranges::all_of(secret, is_base64url);
  return well_formed ? std::optional(std::string(id)) : std::nullopt;
}

std::string to_json(const ApiToken& token) {
  return Json{{"version", 1},
              {"id", token.id},
              {"name", token.name},
              {"role", to_string(token.role)},
              {"sha256", crypto::to_hex(token.hash)},
              {"created_at", format_rfc3339(token.created_at)},
              {"created_by", token.created_by},
              {"expires_at", format_rfc3339(token.expires_at)}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<ApiToken> api_token_from_json(std::string_view text) {
  const auto json = Json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("version", Json()) != 1) {
    return fail(ErrorCode::kCorrupt, "it is not an API token of version 1");
  }
  ApiToken token{.id = text_of(json, "id").value_or(""),
                 .name = text_of(json, "name").value_or(""),
                 .created_by = text_of(json, "created_by").value_or("")};
  const auto role = parse_role(text_of(json, "role").value_or(""));
  const auto hash = crypto::digest_from_hex(text_of(json, "sha256").value_or(""));
  const auto created = parse_rfc3339(text_of(json, "created_at").value_or(""));
  const auto expires = parse_rfc3339(text_of(json, "expires_at").value_or(""));
  if (token.id.size() != kIdDigits || token.name.empty() || !role || !hash || !created ||
      !expires) {
    return fail(ErrorCode::kCorrupt, "a member of the API token is missing or wrong");
  }
  token.role = *role;
  token.hash = *hash;
  token.created_at = *created;
  token.expires_at = *expires;
  return token;
}

}  // namespace faultline::access
