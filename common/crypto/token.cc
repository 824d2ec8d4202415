#include "common/crypto/token.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include <sodium.h>

#include "common/base/check.h"

namespace faultline::crypto {
namespace {

constexpr std::string_view kPrefix = "flt1_";
constexpr std::size_t kChecksumBytes = 4;
constexpr int kBase64Variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
constexpr std::size_t kBytesMax = 1 + kTokenEndpointsMax * (1 + kTokenEndpointBytesMax) + 1 +
                                  kTokenControllersMax * 32 + kSecretKeyBytes + kChecksumBytes;
constexpr std::size_t kTextMax = kPrefix.size() + (kBytesMax * 4 + 2) / 3;

using Bytes = std::vector<std::uint8_t>;

std::array<std::uint8_t, kChecksumBytes> checksum(std::span<const std::uint8_t> bytes) {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), bytes.data(), bytes.size());
  std::array<std::uint8_t, kChecksumBytes> head{};
  std::copy_n(digest.begin(), head.size(), head.begin());
  return head;
}

void append(Bytes& bytes, auto first, auto last) { bytes.insert(bytes.end(), first, last); }

// Takes from the front of what is left; empty once there is too little.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  [[nodiscard]] std::optional<std::span<const std::uint8_t>> take(std::size_t count) {
    if (rest_.size() < count) return std::nullopt;
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  [[nodiscard]] std::optional<std::size_t> take_count(std::size_t limit) {
    const auto byte = take(1);
    if (!byte || byte->front() == 0 || byte->front() > limit) return std::nullopt;
    return byte->front();
  }
  [[nodiscard]] bool done() const { return rest_.empty(); }

 private:
  std::span<const std::uint8_t> rest_;
};

std::optional<JoinToken> decode(std::span<const std::uint8_t> bytes) {
  Reader reader{bytes};
  JoinToken token;
  const auto endpoints = reader.take_count(kTokenEndpointsMax);
  for (std::size_t i = 0; endpoints && i < *endpoints; ++i) {
    const auto length = reader.take_count(kTokenEndpointBytesMax);
    const auto text = length ? reader.take(*length) : std::nullopt;
    if (!text) return std::nullopt;
    token.endpoints.emplace_back(text->begin(), text->end());
  }
  const auto controllers = endpoints ? reader.take_count(kTokenControllersMax) : std::nullopt;
  for (std::size_t i = 0; controllers && i < *controllers; ++i) {
    const auto key = reader.take(sizeof(PublicKey::bytes));
    if (!key) return std::nullopt;
    std::copy(key->begin(), key->end(), token.controllers.emplace_back().bytes.begin());
  }
  const auto secret = controllers ? reader.take(kSecretKeyBytes) : std::nullopt;
  if (!secret || !reader.done()) return std::nullopt;
  token.one_use = SecretKey{secret->first<kSecretKeyBytes>()};
  return token;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

std::string format_token(const JoinToken& token) {
  FAULTLINE_CHECK(!token.endpoints.empty() && token.endpoints.size() <= kTokenEndpointsMax,
                  "a token has between one and kTokenEndpointsMax endpoints");
  FAULTLINE_CHECK(!token.controllers.empty() && token.controllers.size() <= kTokenControllersMax,
                  "a token has between one and kTokenControllersMax controllers");
  Bytes bytes;
  bytes.reserve(kBytesMax);  // so that no copy of the secret is left behind by a reallocation
  bytes.push_back(static_cast<std::uint8_t>(token.endpoints.size()));
  for (const auto& endpoint : token.endpoints) {
    FAULTLINE_CHECK(!endpoint.empty() && endpoint.size() <= kTokenEndpointBytesMax,
                    "an endpoint is between one and kTokenEndpointBytesMax bytes long");
    bytes.push_back(static_cast<std::uint8_t>(endpoint.size()));
    append(bytes, endpoint.begin(), endpoint.end());
  }
  bytes.push_back(static_cast<std::uint8_t>(token.controllers.size()));
  for (const auto& key : token.controllers) append(bytes, key.bytes.begin(), key.bytes.end());
  append(bytes, token.one_use.bytes().begin(), token.one_use.bytes().end());
  const auto sum = checksum(bytes);
  append(bytes, sum.begin(), sum.end());

  std::string base64(sodium_base64_encoded_len(bytes.size(), kBase64Variant), '\0');
  sodium_bin2base64(base64.data(), base64.size(), bytes.data(), bytes.size(), kBase64Variant);
  base64.pop_back();  // the terminating zero
  sodium_memzero(bytes.data(), bytes.size());
  return std::string{kPrefix} + base64;
}

Result<JoinToken> parse_token(std::string_view text) {
  text = trim(text);
  if (!text.starts_with(kPrefix)) {
    return fail(ErrorCode::kInvalid,
                "this is not a join token: one begins with \"flt1_\" and is made by "
                "`faultline node token create`");
  }
  if (text.size() > kTextMax) {
    return fail(ErrorCode::kInvalid, "the join token is too long: was something pasted after it?");
  }
  text.remove_prefix(kPrefix.size());
  Bytes bytes(kBytesMax);
  std::size_t size = 0;
  const bool decoded = sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(),
                                         nullptr, &size, nullptr, kBase64Variant) == 0;
  const std::span<const std::uint8_t> whole{bytes.data(), decoded ? size : 0};
  const auto body = whole.first(whole.size() - std::min(whole.size(), kChecksumBytes));
  std::optional<JoinToken> token;
  if (body.size() > 0 && std::ranges::equal(checksum(body), whole.last(kChecksumBytes))) {
    token = decode(body);
  }
  sodium_memzero(bytes.data(), bytes.size());
  if (!token) {
    return fail(ErrorCode::kInvalid,
                "the join token is damaged or cut short: its checksum does not match; copy it "
                "again as a whole");
  }
  return *std::move(token);
}

}  // namespace faultline::crypto
