#include "controller/api/json_parts.h"
#include "controller/api/standing_views.h"

namespace faultline::api {
namespace {

Json to_object(const StandingPairView& pair) {
  return Json{{"from", pair.from},
              {"to", pair.to},
              {"outcome", pair.outcome},
              {"verdict", pair.verdict},
              {"summary", pair.summary},
              {"at", pair.at ? Json(format_rfc3339(*pair.at)) : Json()},
              {"since", pair.since ? Json(format_rfc3339(*pair.since)) : Json()},
              {"runs", pair.runs},
              {"failing", pair.failing}};
}

Json to_object(const StandingTestView& test) {
  Json object{{"name", test.name},
              {"what", test.what},
              {"from", test.from},
              {"to", test.to},
              {"every_s", std::chrono::duration<double>(test.every).count()},
              {"severity", test.severity},
              {"pairs_left_out", test.pairs_left_out},
              {"pairs_failing", test.pairs_failing},
              {"pairs", Json::array()}};
  for (const auto& pair : test.pairs) object["pairs"].push_back(to_object(pair));
  return object;
}

}  // namespace

std::string standing_tests_json(const StandingTestsView& view) {
  Json document{{"schema", "faultline.standing_tests/1"},
                {"generated_at", format_rfc3339(view.generated_at)},
                {"asked", view.asked.empty() ? Json() : Json(view.asked)},
                {"tests", Json::array()}};
  for (const auto& test : view.tests) document["tests"].push_back(to_object(test));
  return text(document);
}

}  // namespace faultline::api
