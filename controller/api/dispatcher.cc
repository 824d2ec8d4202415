#include "controller/api/dispatcher.h"

#include <utility>

#include "common/async/clock.h"
#include "common/async/offload.h"
#include "common/obs/log.h"
#include "controller/api/gate.h"

namespace faultline::api {
namespace {

constexpr unsigned kTooManyRequests = 429;

Response overloaded(const char* sentence) {
  return error_response({ErrorCode::kUnavailable, sentence});
}

}  // namespace

Dispatcher::Dispatcher(Backend& backend, HttpServerCounters& counters)
    : backend_(backend),
      counters_(counters),
      failures_(async::now_instant()),
      denial_log_(async::now_instant()) {}

Result<access::Principal> Dispatcher::identify(const std::string& token,
                                               const Origin& origin) const {
  if (origin.principal) return *origin.principal;
  if (token.empty()) {
    return fail(ErrorCode::kDenied,
                "an API token is needed here: send it as Authorization: Bearer flo_...");
  }
  auto who = backend_.access_control().authenticate(token);
  if (who) who->peer = origin.peer;
  return who;
}

async::awaitable<Response> Dispatcher::answer(Request request, std::string token,
                                              const Origin& origin) {
  counters_.requests.add();
  const auto who = identify(token, origin);
  if (auto refusal = deny(request, who)) {
    co_return denied(request, who, origin, std::move(*refusal));
  }
  request.caller = *who;
  const auto said = request.method + " " + access::audit_text(request.target);
  const auto method = request.method;
  const auto route = route_of(request);
  const bool changes = is_mutation(method);
  auto& worker = changes ? change_ : route.quick ? query_quick_ : query_;
  auto job = [this, asked = std::move(request)]() -> Result<Response> {
    return carry_out(asked, backend_, async::now_wall());
  };
  auto response = co_await async::offload(worker, std::move(job));
  if (!response) {
    counters_.overloaded.add();
    response = overloaded("too many queries wait already; try again");
  }
  if (!changes && !response->subject.empty()) {
    record(cause_record(method, route, *response, *who, async::now_wall()));
  }
  if (changes) {
    obs::log_info("api", "{} by {} ({}): {}", said, who->name, who->peer, response->status);
  }
  co_return *std::move(response);
}

Response Dispatcher::denied(const Request& request, const Result<access::Principal>& who,
                            const Origin& origin, Response response) {
  const auto now = async::now_instant();
  (who ? counters_.forbidden : counters_.unauthenticated).add();
  if (!who && !failures_.admit(origin.address, now)) {
    counters_.denials_unrecorded.add();
    response = error_response(
        {ErrorCode::kLimit, "too many failed attempts from this address; wait a minute"});
    response.status = kTooManyRequests;
    return response;
  }
  auto record = denial_record(request, who, origin.peer, async::now_wall());
  if (const auto more = denial_log_.admit(now)) {
    obs::log_warning("api", "denied {} {} to {} ({}): {}{}", record.method, record.route,
                     record.who, record.peer, record.reason, *more);
  }
  auto job = [this, record = std::move(record)]() mutable {
    backend_.access_control().record_denial(std::move(record));
  };
  // Strangers may not fill the queue of those who change something.
  const bool room = change_.queued() < kDenialsQueuedMax;
  if (!room || !change_.post(std::move(job))) counters_.denials_unrecorded.add();
  return response;
}

void Dispatcher::record(access::AuditRecord record) {
  auto text = record.route + " " + record.subject;
  auto job = [this, record = std::move(record)]() mutable {
    backend_.access_control().record_change(std::move(record));
  };
  if (change_.queued() < kRecordsQueuedMax && change_.post(std::move(job))) return;
  counters_.changes_unrecorded.add();
  obs::log_warning("api", "the audit log has no room for: {}", text);
}

bool Dispatcher::produce(std::shared_ptr<AnswerStream> pieces,
                         std::function<Status(const TextSink&)> source) {
  auto job = [pieces = std::move(pieces), source = std::move(source)] { pieces->produce(source); };
  if (query_stream_.post(std::move(job))) return true;
  counters_.overloaded.add();
  return false;
}

}  // namespace faultline::api
