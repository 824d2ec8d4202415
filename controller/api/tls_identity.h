// TlsIdentity: the certificate chain and key with which the API proves who it is.
//
// Why it exists: OpenSSL's settings, and what can be wrong with the files, are in one place that is
// quick to compile. TLS 1.2 and 1.3, forward secrecy and authenticated encryption only; no
// renegotiation, compression, tickets or session cache.
//
// Thread safety: values; an identity may be made on any thread and used by connections of another.
// Connections keep the identity that they began with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/model/address.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace faultline::api {

struct TlsFiles {
  std::filesystem::path certificate;  // PEM: the server's, then those that lead to its authority
  std::filesystem::path key;          // PEM, without a passphrase

  bool operator==(const TlsFiles&) const = default;
};

struct TlsOptions {
  Endpoint listen;
  TlsFiles files;
  Duration handshake_timeout = std::chrono::seconds{5};
  Duration check_interval = std::chrono::seconds{10};  // how often the files are looked at
};

struct TlsIdentity {
  std::shared_ptr<ssl_ctx_st> context;
  WallTime expires_at{};
};

// Blocks on the disk. One sentence on what is wrong: a file that cannot be read, a key that others
// may read (kDenied) or that does not belong to the certificate.
[[nodiscard]] Result<TlsIdentity> load_tls_identity(const TlsFiles& files);

// Changes whenever one of the files is replaced or written. Empty while one cannot be looked at.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;

  bool operator==(const FileStamp&) const = default;
};
struct TlsStamp {
  FileStamp certificate;
  FileStamp key;

  bool operator==(const TlsStamp&) const = default;
};
// Blocks on the disk.
[[nodiscard]] std::optional<TlsStamp> stamp_of(const TlsFiles& files);

}  // namespace faultline::api
