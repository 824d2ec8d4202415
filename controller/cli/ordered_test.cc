#include "controller/cli/ordered_test.h"

#include <utility>

#include "controller/cli/name_argument.h"

namespace faultline::cli {

Outcome<OrderedTest> OrderedTest::begin(const ApiClient& api, std::string node, const Json& order) {
  FAULTLINE_CLI_TRY(const auto name, name_segment("NODE", node));
  FAULTLINE_CLI_TRY(const auto answer,
                    api.post("/api/v1/nodes/" + name + "/tests?watched=true", order.dump()));
  OrderedTest test(api, std::move(node));
  FAULTLINE_CLI_TRY(const auto over, test.take(answer));
  test.over_ = over;
  return test;
}

OrderedTest::OrderedTest(OrderedTest&& other) noexcept
    : api_(other.api_),
      node_(std::move(other.node_)),
      id_(std::exchange(other.id_, {})),
      text_(std::move(other.text_)),
      report_(std::move(other.report_)),
      over_(other.over_) {}

// Whether it succeeds is nothing that anybody could act on: the controller ends it, too, only
// later.
OrderedTest::~OrderedTest() {
  if (!id_.empty() && !over_) (void)api_->remove("/api/v1/tests/" + url_encode(id_));
}

Outcome<bool> OrderedTest::look() {
  if (over_) return true;
  FAULTLINE_CLI_TRY(const auto answer, api_->get("/api/v1/tests/" + url_encode(id_)));
  FAULTLINE_CLI_TRY(over_, take(answer));
  return over_;
}

Outcome<bool> OrderedTest::take(const std::string& answer) {
  const auto document = Json::parse(answer, nullptr, false);
  if (!document.is_object()) {
    return tl::unexpected(
        Failure{ExitCode::kUnreachable, "invalid", "the controller's answer is no JSON document"});
  }
  id_ = cli::text(document, "id");
  text_ = cli::text(document, "text");
  const auto state = cli::text(document, "state");
  if (state == "done") report_ = member(document, "report");
  return state != "running";
}

}  // namespace faultline::cli
