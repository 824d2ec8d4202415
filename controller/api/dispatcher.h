// Dispatcher: a request and who sent it -> the answer, made on the thread it belongs on.
//
// Why it exists: sessions move bytes and know nothing of threads, roles or tokens. Answers are made
// on four workers, so that neither a slow question nor a slow reader delays the loop, or who only
// wants to know whether all is well: "query-quick" for what the published snapshot answers, "query"
// for the rest, "query-stream" for long answers (bundles, exports), and "change" for what changes
// something: one after the other, so that the audit log has the order of the changes.
//
// Thread safety: none; its members are called on the loop. Lifetime: the Backend outlives it; its
// destructor joins the workers.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "common/async/asio.h"
#include "common/async/worker.h"
#include "common/obs/log_limiter.h"
#include "controller/access/failure_limiter.h"
#include "controller/api/answer_stream.h"
#include "controller/api/counters.h"
#include "controller/api/routes.h"

namespace faultline::api {

inline constexpr std::size_t kQueriesQueuedMax = 32;  // of each kind; more get a 503
inline constexpr std::size_t kStreamsQueuedMax = 2;   // more are answered with 503
inline constexpr std::size_t kDenialsQueuedMax = 8;   // behind more jobs they are only counted
// A whole fleet may join or change its keys at once; more are logged and counted.
inline constexpr std::size_t kRecordsQueuedMax = 4096;

// Where a connection comes from.
struct Origin {
  std::string peer;     // "pid 4711", "192.0.2.7:40112"
  std::string address;  // "192.0.2.7"; empty for the unix socket
  // Known from the start on the unix socket; otherwise every request carries a token.
  std::optional<access::Principal> principal = {};
};

class Dispatcher {
 public:
  Dispatcher(Backend& backend, HttpServerCounters& counters);

  // `token` is what the request shows, empty for nothing. The answer may have a stream, which goes
  // to produce(). An answer of 401 or 429 ends the connection.
  [[nodiscard]] async::awaitable<Response> answer(Request request, std::string token,
                                                  const Origin& origin);
  // False when too many others are being made.
  [[nodiscard]] bool produce(std::shared_ptr<AnswerStream> pieces,
                             std::function<Status(const TextSink&)> source);

  // A change that was made without a request.
  void record(access::AuditRecord record);

  // For small jobs that read a disk.
  [[nodiscard]] async::Worker& quick() { return query_quick_; }

 private:
  [[nodiscard]] Result<access::Principal> identify(const std::string& token,
                                                   const Origin& origin) const;
  // The answer to somebody who may not: written down, as far as that is bounded.
  Response denied(const Request& request, const Result<access::Principal>& who,
                  const Origin& origin, Response response);

  Backend& backend_;
  HttpServerCounters& counters_;
  access::FailureLimiter failures_;
  obs::LogLimiter denial_log_;
  async::Worker query_quick_{{.name = "query-quick", .jobs_max = kQueriesQueuedMax}};
  async::Worker query_{{.name = "query", .jobs_max = kQueriesQueuedMax}};
  async::Worker query_stream_{{.name = "query-stream", .jobs_max = kStreamsQueuedMax}};
  async::Worker change_{{.name = "change", .jobs_max = kQueriesQueuedMax + kRecordsQueuedMax}};
};

}  // namespace faultline::api
