// Backend: all that the API asks of the controller, in domain values.
//
// Why it exists: the HTTP server, its routes and the JSON know nothing of the core, and the tests
// of API and CLI run against a fake one.
//
// Thread safety: every function is called from the API's query threads, possibly at once, and never
// from the loop. Implementations answer from immutable snapshots and the store's own
// thread-safe reads; those that change something hand the change to the loop and wait for it to
// be durable, for a bounded time.
//
// Errors: kNotFound, kConflict, kDenied, kInvalid, kLimit, kUnavailable become 404, 409, 403, 400,
// 429, 503; anything else 500. The context is shown to the operator.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "controller/api/views.h"
#include "controller/localize/localizer.h"

namespace faultline::api {

struct LocalizeRequest {
  std::optional<WallTime> at;     // end of the horizon; empty: the window last judged
  std::optional<Duration> since;  // its length; empty: the controller's default horizon
};

struct LocalizeAnswer {
  localize::Verdict verdict;
  std::optional<double> solve_ms;
  std::optional<WallTime> judged_until;  // end of what was judged; empty: nothing was yet
};

// Takes a piece of a long answer. After an Error (the reader went away) the producer may stop, and
// whatever it still writes is discarded.
using TextSink = std::function<Status(std::string_view)>;

class Backend {
 public:
  virtual ~Backend() = default;

  [[nodiscard]] virtual std::string version() const = 0;
  virtual Result<StatusView> status() const = 0;
  virtual Result<std::vector<NodeView>> nodes() const = 0;  // by name
  virtual Result<NodeView> node(std::string_view name) const = 0;
  virtual Result<std::vector<TokenView>> tokens() const = 0;  // unspent, oldest first
  virtual Result<MatrixView> matrix(const MatrixRequest& request) const = 0;
  virtual Result<LocalizeAnswer> localize(const LocalizeRequest& request) const = 0;
  virtual Result<PathView> path(std::string_view src, std::string_view dst) const = 0;
  virtual Result<HistoryView> history(std::string_view src, std::string_view dst,
                                      const HistoryRequest& request) const = 0;
  // Newest first, at most kIncidentsListedMax, without their events.
  virtual Result<std::vector<IncidentView>> incidents(IncidentFilter filter) const = 0;
  virtual Result<IncidentView> incident(std::string_view id) const = 0;
  virtual Result<TopologyView> topology() const = 0;
  // The bundle of schemas/bundle.md for the last `since`, in pieces of any size.
  virtual Status bundle(Duration since, const TextSink& sink) const = 0;
  // OpenMetrics text, complete with "# EOF".
  virtual Result<std::string> metrics() const = 0;

  virtual Result<NewToken> create_token(const TokenRequest& request) = 0;
  virtual Status remove_token(std::string_view id) = 0;
  virtual Status remove_node(std::string_view name) = 0;
  // A copy of the store for a backup; returns the directory. Who asked removes it. kConflict where
  // there is one already.
  virtual Result<std::string> create_checkpoint() = 0;
};

}  // namespace faultline::api
