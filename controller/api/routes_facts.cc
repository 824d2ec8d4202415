#include "controller/api/routes_facts.h"

#include <charconv>

#include <fmt/format.h>

#include "controller/api/parameters.h"

namespace faultline::api {
namespace {

Result<DiagnoseRequest> parse_diagnose_request(const Parameters& query) {
  const auto text = [&](const char* name) {
    const auto found = query.find(name);
    return found == query.end() ? std::string() : found->second;
  };
  DiagnoseRequest request{.a = text("a"),
                          .b = text("b"),
                          .inputs = text("inputs") == "true",
                          .tests = text("tests") != "false"};
  if (request.a.empty() || request.b.empty()) {
    return fail(ErrorCode::kInvalid, "'a' and 'b' are required: names of nodes, or addresses");
  }
  if (const auto protocol = text("protocol"); !protocol.empty()) request.protocol = protocol;
  if (request.protocol != "tcp" && request.protocol != "udp") {
    return fail(ErrorCode::kInvalid, "'protocol' must be tcp or udp");
  }
  if (const auto port = text("port"); !port.empty()) {
    std::uint16_t number = 0;
    const auto* end = port.data() + port.size();
    const auto [stop, error] = std::from_chars(port.data(), end, number);
    if (error != std::errc{} || stop != end || number == 0) {
      return fail(ErrorCode::kInvalid, "'port' must be a number from 1 to 65535");
    }
    request.port = number;
  }
  FAULTLINE_TRY(request.at, time_parameter(query, "at"));
  return request;
}

}  // namespace

Response get_node_facts(const Call& call) {
  const auto at = time_parameter(call.query, "at");
  if (!at) return error_response(at.error());
  auto document = call.backend.facts(call.captured[0], *at);
  return document ? json_response(*std::move(document)) : error_response(document.error());
}

Response get_node_facts_changes(const Call& call) {
  const auto since = time_parameter(call.query, "since");
  if (!since) return error_response(since.error());
  if (!*since) {
    return error_response({ErrorCode::kInvalid, "'since' is required, an RFC 3339 time"});
  }
  auto document = call.backend.facts_changes(call.captured[0], **since);
  return document ? json_response(*std::move(document)) : error_response(document.error());
}

Response get_diagnosis(const Call& call) {
  auto request = parse_diagnose_request(call.query);
  if (!request) return error_response(request.error());
  // Packets are an operator's to send.
  if (request->tests && !suffices(call.caller.role, access::Role::kOperator)) {
    request->tests = false;
    request->untried = "tests send packets, which needs the role operator";
  }
  auto answer = call.backend.diagnose(*request);
  if (!answer) return error_response(answer.error());
  auto response = json_response(std::move(answer->document));
  if (!answer->tests.empty()) response.subject = fmt::format("{}", fmt::join(answer->tests, "; "));
  return response;
}

Response get_check(const Call& call) {
  auto document = call.backend.check();
  return document ? json_response(*std::move(document)) : error_response(document.error());
}

}  // namespace faultline::api
