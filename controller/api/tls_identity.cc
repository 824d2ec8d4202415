#include "controller/api/tls_identity.h"

#include <cerrno>
#include <cstring>
#include <ctime>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

namespace faultline::api {
namespace {

// TLS 1.2: ephemeral key exchange and AEAD. TLS 1.3's own list has nothing else.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

// OpenSSL's first complaint; the queue is left empty.
std::string complaint() {
  const auto error = ERR_get_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "unknown";
}

tl::unexpected<Error> refuse(const char* what, const std::filesystem::path& file) {
  return fail(ErrorCode::kInvalid,
              fmt::format("cannot use {} as the API's {}: {}", file.string(), what, complaint()));
}

// OpenSSL's own words for a missing file are no help at 03:00.
Status check_readable(const char* what, const std::filesystem::path& file, bool secret) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) {
    return fail(ErrorCode::kUnavailable, fmt::format("cannot read the API's {} {}: {}", what,
                                                     file.string(), std::strerror(errno)));
  }
  // A group may read it: that is how keys are shared with services (ssl-cert).
  if (secret && (info.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
    return fail(ErrorCode::kDenied,
                fmt::format("the API's {} {} may be read or changed by others: chmod 600 it", what,
                            file.string()));
  }
  return {};
}

int refuse_passphrase(char*, int, int, void*) { return 0; }  // else OpenSSL asks the terminal

void set_policy(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, kCiphers);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(context, &refuse_passphrase);
}

WallTime not_after(const SSL_CTX* context) {
  std::tm time{};
  const auto* certificate = SSL_CTX_get0_certificate(context);
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) {
    return {};
  }
  return wall_time_from_unix_seconds(::timegm(&time));
}

std::optional<FileStamp> stamp_of_file(const std::filesystem::path& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) return std::nullopt;
  return FileStamp{.device = info.st_dev,
                   .inode = info.st_ino,
                   .size = info.st_size,
                   .modified_ns = info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec};
}

}  // namespace

Result<TlsIdentity> load_tls_identity(const TlsFiles& files) {
  FAULTLINE_TRY_STATUS(check_readable("certificate", files.certificate, false));
  FAULTLINE_TRY_STATUS(check_readable("private key", files.key, true));
  ERR_clear_error();
  TlsIdentity identity{{SSL_CTX_new(TLS_server_method()), &SSL_CTX_free}, {}};
  auto* context = identity.context.get();
  if (context == nullptr) return fail(ErrorCode::kInternal, "cannot set up TLS: " + complaint());
  set_policy(context);
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    return refuse("certificate", files.certificate);
  }
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return refuse("private key", files.key);
  }
  identity.expires_at = not_after(context);
  return identity;
}

std::optional<TlsStamp> stamp_of(const TlsFiles& files) {
  const auto certificate = stamp_of_file(files.certificate);
  const auto key = stamp_of_file(files.key);
  if (!certificate || !key) return std::nullopt;
  return TlsStamp{*certificate, *key};
}

}  // namespace faultline::api
