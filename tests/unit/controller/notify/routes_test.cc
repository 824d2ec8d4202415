#include "controller/notify/routes.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/notify/alerts.h"

namespace faultline::notify {
namespace {

using Names = std::set<std::string>;

const std::vector<std::string> kAll{"pager", "chat", "team"};

Route route(AlertSeverity severity_min, std::map<std::string, std::vector<std::string>> match,
            std::vector<std::string> receivers, bool goes_on = false) {
  return {severity_min, std::move(match), std::move(receivers), goes_on};
}

Alert of_severity(AlertSeverity severity) {
  auto alert = opened_alert();
  alert.severity = severity;
  return alert;
}

}  // namespace

TEST_CASE("without routes everybody is told", "[notify]") {
  CHECK(receivers_for({}, kAll, opened_alert()) == Names{"pager", "chat", "team"});
}

TEST_CASE("the first route that matches decides", "[notify]") {
  const std::vector<Route> routes{route(AlertSeverity::kError, {}, {"pager"}),
                                  route(AlertSeverity::kInfo, {}, {"chat"})};
  CHECK(receivers_for(routes, kAll, of_severity(AlertSeverity::kCritical)) == Names{"pager"});
  CHECK(receivers_for(routes, kAll, of_severity(AlertSeverity::kError)) == Names{"pager"});
  CHECK(receivers_for(routes, kAll, of_severity(AlertSeverity::kWarning)) == Names{"chat"});
}

TEST_CASE("a route that goes on adds to those after it", "[notify]") {
  const std::vector<Route> routes{route(AlertSeverity::kInfo, {{"rack", {"r2"}}}, {"team"}, true),
                                  route(AlertSeverity::kInfo, {}, {"chat"})};
  CHECK(receivers_for(routes, kAll, opened_alert()) == Names{"team", "chat"});
}

TEST_CASE("labels of the affected nodes and the alert's own names are matched, all of them",
          "[notify]") {
  const auto matched = [](std::map<std::string, std::vector<std::string>> match) {
    return matches(route(AlertSeverity::kInfo, std::move(match), {}), opened_alert());
  };
  CHECK(matched({{"rack", {"r9", "r1"}}}));
  CHECK(matched({{"rack", {"r1"}}, {"class", {"loss"}}, {"kind", {"link"}}}));
  CHECK_FALSE(matched({{"rack", {"r1"}}, {"class", {"down"}}}));
  CHECK_FALSE(matched({{"rack", {"r9"}}}));
  CHECK_FALSE(matched({{"zone", {"z1"}}}));
}

TEST_CASE("an alert that no route matches goes to all: a hole hides no fault", "[notify]") {
  const std::vector<Route> routes{route(AlertSeverity::kCritical, {}, {"pager"})};
  CHECK(receivers_for(routes, kAll, of_severity(AlertSeverity::kWarning)).size() == 3);
}

TEST_CASE("a route to nobody is obeyed, and a receiver that is gone is left out", "[notify]") {
  CHECK(receivers_for({route(AlertSeverity::kInfo, {}, {})}, kAll, opened_alert()).empty());
  CHECK(receivers_for({route(AlertSeverity::kInfo, {}, {"gone", "chat"})}, kAll, opened_alert()) ==
        Names{"chat"});
}

}  // namespace faultline::notify
