#include "common/crypto/seal.h"

#include <algorithm>

#include <sodium.h>

#include "common/crypto/sodium.h"
#include "common/model/control.h"

namespace faultline::crypto {
namespace {

constexpr std::size_t kNonceBytes = crypto_box_NONCEBYTES;
constexpr std::size_t kOverheadBytes = kNonceBytes + crypto_box_MACBYTES;
static_assert(kSealBytes == kOverheadBytes + 1);

std::uint8_t* octets(std::vector<std::byte>& bytes) {
  return reinterpret_cast<std::uint8_t*>(bytes.data());
}
const std::uint8_t* octets(std::span<const std::byte> bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

}  // namespace

Result<std::vector<std::byte>> seal(SealKind kind, const KeyPair& own, const PublicKey& to,
                                    std::span<const std::byte> message) {
  ensure_sodium();
  std::vector<std::byte> plain{static_cast<std::byte>(kind)};
  plain.insert(plain.end(), message.begin(), message.end());
  std::vector<std::byte> sealed(plain.size() + kOverheadBytes);
  randombytes_buf(sealed.data(), kNonceBytes);
  if (crypto_box_easy(octets(sealed) + kNonceBytes, octets(plain), plain.size(), octets(sealed),
                      to.bytes.data(), own.secret_key.bytes().data()) != 0) {
    return fail(ErrorCode::kInvalid, "nothing can be sealed to this key");
  }
  return sealed;
}

Result<std::vector<std::byte>> open_seal(SealKind kind, const KeyPair& own, const PublicKey& from,
                                         std::span<const std::byte> sealed) {
  ensure_sodium();
  if (sealed.size() < kSealBytes) return fail(ErrorCode::kDenied, "the seal is cut short");
  const auto box = sealed.subspan(kNonceBytes);
  std::vector<std::byte> plain(box.size() - crypto_box_MACBYTES);
  if (crypto_box_open_easy(octets(plain), octets(box), box.size(), octets(sealed),
                           from.bytes.data(), own.secret_key.bytes().data()) != 0) {
    return fail(ErrorCode::kDenied, "the seal does not open");
  }
  if (plain.front() != static_cast<std::byte>(kind)) {
    return fail(ErrorCode::kDenied, "the seal is of another kind of message");
  }
  plain.erase(plain.begin());
  return plain;
}

}  // namespace faultline::crypto
