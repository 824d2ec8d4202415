// The deprecation is of OpenSSL's way to load other implementations, which nobody needs here.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "common/crypto/mac.h"

#include <openssl/sha.h>
#include <sodium.h>

#include <algorithm>

namespace faultline::crypto {
namespace {

constexpr std::size_t kBlockBytes = SHA256_CBLOCK;
constexpr std::uint8_t kInnerPad = 0x36;
constexpr std::uint8_t kOuterPad = 0x5c;

std::array<std::uint32_t, 8> after_block(std::span<const std::uint8_t> secret, std::uint8_t pad) {
  std::array<std::uint8_t, kBlockBytes> block{};
  std::ranges::copy(secret, block.begin());
  for (auto& octet : block) octet ^= pad;
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, block.data(), block.size());
  std::array<std::uint32_t, 8> chain;
  std::copy_n(context.h, chain.size(), chain.begin());
  sodium_memzero(block.data(), block.size());
  sodium_memzero(&context, sizeof context);
  return chain;
}

SHA256_CTX resume(const std::array<std::uint32_t, 8>& chain) {
  SHA256_CTX context;
  std::copy_n(chain.begin(), chain.size(), context.h);
  context.Nl = 8 * kBlockBytes;
  context.Nh = 0;
  context.num = 0;
  context.md_len = SHA256_DIGEST_LENGTH;
  return context;
}

}  // namespace

MacKey::MacKey(std::span<const std::uint8_t, kSecretBytes> secret)
    : inner_(after_block(secret, kInnerPad)), outer_(after_block(secret, kOuterPad)) {}

MacKey::~MacKey() {
  sodium_memzero(inner_.data(), sizeof inner_);
  sodium_memzero(outer_.data(), sizeof outer_);
}

Mac MacKey::sign(std::span<const std::byte> head, std::span<const std::byte> tail) const {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
  auto context = resume(inner_);
  SHA256_Update(&context, head.data(), head.size());
  if (!tail.empty()) SHA256_Update(&context, tail.data(), tail.size());
  SHA256_Final(digest.data(), &context);
  context = resume(outer_);
  SHA256_Update(&context, digest.data(), digest.size());
  SHA256_Final(digest.data(), &context);
  Mac mac;
  std::transform(digest.begin(), digest.begin() + kMacBytes, mac.begin(),
                 [](std::uint8_t octet) { return std::byte{octet}; });
  return mac;
}

bool MacKey::verifies(std::span<const std::byte> mac, std::span<const std::byte> head,
                      std::span<const std::byte> tail) const {
  if (mac.size() != kMacBytes) return false;
  const auto expected = sign(head, tail);
  return sodium_memcmp(expected.data(), mac.data(), kMacBytes) == 0;
}

bool MacKey::operator==(const MacKey& other) const {
  return sodium_memcmp(inner_.data(), other.inner_.data(), sizeof inner_) == 0;
}

}  // namespace faultline::crypto
