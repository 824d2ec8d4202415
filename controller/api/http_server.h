// HttpServer: the API on a unix socket, HTTP/1.1 with keep-alive.
//
// Why it exists: file permissions are the access control (mode 0660: owner and group), so nothing
// is exposed to a network. Connections are coroutines of the loop; answers are made on three worker
// threads, so that neither a slow question nor a slow reader delays the loop or who only wants to
// know whether all is well: "query-quick" for what the published snapshot answers (status, nodes,
// tokens, version, metrics), "query" for the rest, "query-stream" for long answers (the bundle).
//
// Bounds and policies are the constants below; each has a counter. Requests that change something
// are logged with the peer's uid and pid. Thread safety: none, it lives on the loop's thread; the
// counters can be read on any. Lifetime: the Backend, the loop and the TaskGroup outlive it; the
// group has been stopped and joined before it is destroyed. The destructor removes the socket file.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "common/async/asio.h"
#include "common/async/task_group.h"
#include "common/base/result.h"
#include "common/obs/metrics.h"
#include "controller/api/backend.h"

namespace faultline::api {

inline constexpr std::size_t kConnectionsMax = 64;           // more wait in the listen backlog
inline constexpr std::size_t kQueriesQueuedMax = 32;         // of each kind; more get a 503
inline constexpr std::size_t kStreamsQueuedMax = 2;          // more are answered with 503
inline constexpr std::size_t kRequestHeaderMax = 8U << 10;   // bytes, then 431
inline constexpr std::size_t kRequestBodyMax = 64U << 10;    // bytes, then 413
inline constexpr std::size_t kStreamPieceBytes = 64U << 10;  // a streamed answer travels in these
inline constexpr std::size_t kStreamPiecesMax = 4;           // in flight; then the producer waits

struct HttpServerOptions {
  std::string socket_path = {};
  std::string socket_group = {};                        // empty: the process's own
  Duration request_timeout = std::chrono::seconds{15};  // idle and reading; then it is closed
  Duration write_timeout = std::chrono::seconds{30};    // per answer, or per piece of a long one
};

struct HttpServerCounters {
  obs::Counter connections;
  obs::Counter connections_waited;  // trouble when it grows: kConnectionsMax is reached
  obs::Counter requests;
  obs::Counter refused;     // answered with 4xx
  obs::Counter failed;      // answered with 5xx
  obs::Counter overloaded;  // of those, for want of a place in a queue
  obs::Counter malformed;   // not HTTP, or over a size limit
  obs::Counter timeouts;    // peers too slow to send or to read
};

class HttpServer {
 public:
  // Binds and listens. A socket file that nobody listens on is replaced; kConflict when somebody
  // does, or when the path is no socket.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(async::asio::io_context& loop,
                                                                  async::TaskGroup& tasks,
                                                                  Backend& backend,
                                                                  HttpServerOptions options);
  virtual ~HttpServer() = default;
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] virtual const HttpServerCounters& counters() const = 0;

 protected:
  HttpServer() = default;
};

}  // namespace faultline::api
