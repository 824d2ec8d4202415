#include "controller/api/routes_tests.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace faultline::api {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::size_t kBodyBytesMax = 4096;

const char* to_string(TestState state) {
  switch (state) {
    case TestState::kRunning:
      return "running";
    case TestState::kDone:
      return "done";
    case TestState::kFailed:
      break;
  }
  return "failed";
}

// The report is a probe's: what is no JSON of it is told as a text.
OrderedJson report_of(const OrderedTestView& test) {
  if (!test.report) return nullptr;
  auto report = OrderedJson::parse(*test.report, nullptr, false);
  if (!report.is_object()) return OrderedJson{{"unreadable", *test.report}};
  if (!test.remark.empty()) {
    auto& remarks = report["remarks"];
    if (!remarks.is_array()) remarks = OrderedJson::array();
    remarks.push_back({{"kind", "not-admitted"}, {"text", test.remark}});
  }
  return report;
}

std::string ordered_test_json(const OrderedTestView& test) {
  const OrderedJson document{{"schema", "faultline.ordered_test/1"},
                             {"id", test.id},
                             {"node", test.node},
                             {"target", test.target},
                             {"ordered_at", format_rfc3339(test.ordered_at)},
                             {"state", to_string(test.state)},
                             {"text", test.text},
                             {"report", report_of(test)}};
  return document.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace

Response post_node_test(const Call& call) {
  if (call.body.size() > kBodyBytesMax) {
    return error_response({ErrorCode::kLimit, "the order of a test is too long"});
  }
  const auto watched = call.query.find("watched");
  if (watched != call.query.end() && watched->second != "true" && watched->second != "false") {
    return error_response({ErrorCode::kInvalid, "watched must be true or false"});
  }
  const auto test = call.backend.order_test(
      call.captured[0], call.body, watched != call.query.end() && watched->second == "true");
  if (!test) return error_response(test.error());
  auto response = json_response(ordered_test_json(*test));
  response.status = 201;
  // Who caused which traffic is worth as much as who did: the order goes into the audit log.
  response.subject = fmt::format("{} {} {}", test->node, test->target, call.body);
  return response;
}

Response delete_test(const Call& call) {
  return respond(call.backend.end_test(call.captured[0]), ordered_test_json);
}

Response get_test(const Call& call) {
  return respond(call.backend.ordered_test(call.captured[0]), ordered_test_json);
}

Response get_standing_tests(const Call& call) {
  const auto name = call.query.find("name");
  return respond(call.backend.standing_tests(name == call.query.end() ? "" : name->second),
                 standing_tests_json);
}

}  // namespace faultline::api
