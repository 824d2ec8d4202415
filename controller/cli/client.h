// ApiClient: the controller's HTTP API over its unix socket, or over TLS.
//
// Over TLS the certificate and the host name are always verified, and the token goes with every
// request; no proxy is used. Errors come back as a Failure with the exit code: unreachable (nobody
// listens, a certificate that proves nothing, timeout, 5xx), denied (no permission on the socket,
// 401, 403), usage (4xx: the sentence is the controller's). Thread safety: none.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/base/time.h"
#include "controller/cli/failure.h"

namespace faultline::cli {

inline constexpr std::size_t kAnswerBytesMax = 256U << 20;

struct ClientOptions {
  std::string api;           // "unix:/run/faultline/controller.sock", "https://ctl:7443"
  std::string token = {};    // for https; empty: none
  std::string ca_file = {};  // for https; empty: the system's authorities
  Duration timeout = std::chrono::seconds{30};
  std::function<void()> waiting = {};  // called about once a second until the answer is complete
};

// Percent-encodes one path segment or query value.
[[nodiscard]] std::string url_encode(std::string_view text);

class ApiClient {
 public:
  // Usage failure when `api` is neither "unix:/path" nor "https://host[:port]".
  [[nodiscard]] static Outcome<ApiClient> create(ClientOptions options);

  // The body of a successful answer: one JSON document.
  [[nodiscard]] Outcome<std::string> get(const std::string& target) const;
  [[nodiscard]] Outcome<std::string> post(const std::string& target, const std::string& body) const;
  [[nodiscard]] Outcome<std::string> remove(const std::string& target) const;

  // A long answer, piece by piece; returns its size. `write` returns false to stop (kUsage
  // failure). The timeout then means: no byte for so long.
  using Writer = std::function<bool(std::string_view)>;
  [[nodiscard]] Outcome<std::uint64_t> stream(const std::string& target, const Writer& write) const;

 private:
  // `socket_path` is empty for https.
  explicit ApiClient(ClientOptions options, std::string socket_path)
      : options_(std::move(options)), socket_path_(std::move(socket_path)) {}

  struct Exchange;
  [[nodiscard]] Outcome<std::string> request(const char* method, const std::string& target,
                                             const std::string* body) const;
  [[nodiscard]] Failure connection_failure(int curl_code, long os_errno,
                                           const std::string& details) const;
  [[nodiscard]] bool over_tls() const { return socket_path_.empty(); }
  // "/run/faultline/controller.sock", "https://ctl:7443".
  [[nodiscard]] const std::string& where() const {
    return over_tls() ? options_.api : socket_path_;
  }

  ClientOptions options_;
  std::string socket_path_;
};

}  // namespace faultline::cli
