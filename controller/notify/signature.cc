#include "controller/notify/signature.h"

#include <array>
#include <fstream>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>

#include "common/base/check.h"

namespace faultline::notify {

std::string hmac_sha256_hex(std::string_view secret, std::string_view message) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  const auto* done = HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                          reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                          digest.data(), &length);
  FAULTLINE_CHECK(done != nullptr && length == 32, "OpenSSL has no SHA-256");
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::string signature(std::string_view secret, std::int64_t timestamp_s, std::string_view body) {
  return "sha256=" + hmac_sha256_hex(secret, fmt::format("{}.{}", timestamp_s, body));
}

Result<std::string> read_secret_file(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return fail(ErrorCode::kUnavailable, fmt::format("cannot read the secret {}", path));
  }
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail(ErrorCode::kDenied,
                fmt::format("the secret {} may be read by others: chmod 600 it", path));
  }
  std::ifstream file(path);
  std::string secret;
  if (!std::getline(file, secret) && secret.empty()) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot read the secret {}, or it is empty", path));
  }
  if (secret.ends_with('\r')) secret.pop_back();  // written on Windows
  if (secret.size() < kSecretBytesMin || secret.size() > kSecretBytesMax) {
    return fail(ErrorCode::kInvalid, fmt::format("the secret in {} must have {} to {} bytes", path,
                                                 kSecretBytesMin, kSecretBytesMax));
  }
  return secret;
}

}  // namespace faultline::notify
