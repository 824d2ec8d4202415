#include "common/crypto/base64.h"

#include <sodium.h>

namespace faultline::crypto {

std::string to_base64(std::span<const std::byte> octets) {
  constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;
  std::string text(sodium_base64_encoded_len(octets.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(octets.data()),
                    octets.size(), kVariant);
  text.pop_back();  // the terminating zero
  return text;
}

std::optional<std::vector<std::byte>> from_base64(std::string_view text) {
  std::vector<std::byte> octets(text.size() / 4 * 3 + 3);
  std::size_t size = 0;
  const bool decoded =
      sodium_base642bin(reinterpret_cast<unsigned char*>(octets.data()), octets.size(), text.data(),
                        text.size(), nullptr, &size, nullptr, sodium_base64_VARIANT_ORIGINAL) == 0;
  if (!decoded) return std::nullopt;
  octets.resize(size);
  return octets;
}

}  // namespace faultline::crypto
