// HttpServer: the API on a unix socket and, where it is asked for, on TCP with TLS.
//
// Why it exists: on the unix socket the file permissions are the access control (mode 0660) and the
// kernel says who asks, so nothing is exposed to a network. On TCP everybody can connect: every
// request carries an API token, and nothing is answered without one.
//
//   Listener (each socket) -> Session (bytes <-> HTTP) -> Dispatcher (who may; workers) -> routes
//   TlsKeeper: the certificate for new connections, renewed while running
//
// Bounds and policies are the constants here and in dispatcher.h; each has a counter (counters.h).
// Thread safety: none, it lives on the loop's thread; the counters can be read on any. Lifetime:
// the Backend, the loop and the TaskGroup outlive it; the group has been stopped and joined before
// it is destroyed. The destructor removes the socket file.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "common/async/asio.h"
#include "common/async/task_group.h"
#include "common/base/result.h"
#include "controller/api/backend.h"
#include "controller/api/counters.h"
#include "controller/api/dispatcher.h"
#include "controller/api/tls_identity.h"

namespace faultline::api {

inline constexpr std::size_t kConnectionsMax = 64;  // per socket; more wait in the backlog
inline constexpr std::size_t kConnectionsPerAddressMax = 16;  // over TLS; more are closed at once
inline constexpr std::size_t kRequestHeaderMax = 8U << 10;    // bytes, then 431
inline constexpr std::size_t kRequestBodyMax = 64U << 10;     // bytes, then 413
inline constexpr std::size_t kStreamPieceBytes = 64U << 10;   // a streamed answer travels in these
inline constexpr std::size_t kStreamPiecesMax = 4;            // in flight; then the producer waits

struct HttpServerOptions {
  std::string socket_path = {};
  std::string socket_group = {};                        // empty: the process's own
  std::optional<TlsOptions> tls = {};                   // empty: the unix socket only
  Duration request_timeout = std::chrono::seconds{15};  // idle and reading; then it is closed
  Duration write_timeout = std::chrono::seconds{30};    // per answer, or per piece of a long one
};

class HttpServer {
 public:
  // Binds and listens. A socket file that nobody listens on is replaced; kConflict when somebody
  // does, or when the path is no socket. With TLS, the certificate's files must be good.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(async::asio::io_context& loop,
                                                                  async::TaskGroup& tasks,
                                                                  Backend& backend,
                                                                  HttpServerOptions options);
  virtual ~HttpServer() = default;
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] virtual const HttpServerCounters& counters() const = 0;
  // Where TLS is spoken, with the port that was chosen; empty without TLS.
  [[nodiscard]] virtual std::optional<Endpoint> tls_endpoint() const = 0;
  // Reads the certificate's files again. A broken one is logged and counted, and changes nothing.
  virtual void reload_tls() = 0;
  // A change that nobody asked the API for, written down behind those that it makes. On the loop.
  virtual void record(access::AuditRecord record) = 0;

 protected:
  HttpServer() = default;
};

}  // namespace faultline::api
