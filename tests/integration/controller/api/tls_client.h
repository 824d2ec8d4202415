// A blocking TCP client, bare or with TLS, for talking to the server byte by byte.
#pragma once

#include <csignal>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>

#include "tests/support/catch.h"

namespace faultline::api {

class TcpClient {
 public:
  explicit TcpClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  }
  ~TcpClient() { ::close(socket_); }
  TcpClient(const TcpClient&) = delete;
  TcpClient& operator=(const TcpClient&) = delete;

  void write(std::string_view text) const {
    (void)::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
  }
  // Until the server closed.
  [[nodiscard]] std::string read_all() const {
    std::string text;
    char buffer[4096];
    for (auto count = ::read(socket_, buffer, sizeof(buffer)); count > 0;
         count = ::read(socket_, buffer, sizeof(buffer))) {
      text.append(buffer, static_cast<std::size_t>(count));
    }
    return text;
  }
  [[nodiscard]] int socket() const { return socket_; }

 private:
  int socket_;
};

class TlsClient {
 public:
  // Trusts this authority; speaks at most this version.
  TlsClient(std::uint16_t port, const std::string& authority, int version_max = TLS1_3_VERSION)
      : tcp_(port), context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free) {
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_.get(), version_max);
    SSL_CTX_set_security_level(context_.get(), 0);
    SSL_CTX_set_cipher_list(context_.get(), "ALL");
    REQUIRE(SSL_CTX_load_verify_locations(context_.get(), authority.c_str(), nullptr) == 1);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), tcp_.socket());
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets that the server may have closed
    connected_ = SSL_connect(ssl_.get()) == 1;
  }

  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] std::string version() const { return SSL_get_version(ssl_.get()); }
  // Names the certificate that the server showed.
  [[nodiscard]] std::string serial() const {
    const std::unique_ptr<X509, void (*)(X509*)> certificate(SSL_get1_peer_certificate(ssl_.get()),
                                                             &X509_free);
    REQUIRE(certificate);
    const std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> number(
        ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate.get()), nullptr), &BN_free);
    char* text = BN_bn2hex(number.get());
    std::string result = text;
    OPENSSL_free(text);
    return result;
  }

  void write(std::string_view text) const {
    (void)SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
  }
  // Until `end` was read, or the server closed.
  [[nodiscard]] std::string read_until(std::string_view end) const {
    std::string text;
    char buffer[16384];
    while (text.find(end) == std::string::npos) {
      const int count = SSL_read(ssl_.get(), buffer, sizeof(buffer));
      if (count <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(count));
    }
    return text;
  }
  [[nodiscard]] std::string read_all() const { return read_until("\x01 never sent"); }

 private:
  TcpClient tcp_;
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_{nullptr, &SSL_free};
  bool connected_ = false;
};

}  // namespace faultline::api
