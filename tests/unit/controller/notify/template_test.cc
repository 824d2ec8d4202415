#include "controller/notify/template.h"

#include "tests/support/catch.h"
#include "tests/unit/controller/notify/alerts.h"

namespace faultline::notify {
namespace {

std::string rendered(const std::string& text, Escape escape = Escape::kNone) {
  return Template::parse(text).value().render(opened_alert(), escape);
}

}  // namespace

TEST_CASE("names stand for values and everything else for itself", "[notify]") {
  CHECK(rendered("") == "");
  CHECK(rendered("plain { } $ text") == "plain { } $ text");
  CHECK(rendered("$${summary}") == "${summary}");
  CHECK(rendered("[${severity}] ${component} ${loss} of ${affected_nodes}: ${command}") ==
        "[critical] leaf2>spine3 21 % of h1, h5: faultline incident show i-42");
  CHECK(rendered("${key}|${since}|${resolved_at}|${link}") ==
        "i-42-1-opened|2026-09-21T14:13:20Z||");
}

TEST_CASE("within JSON values are escaped", "[notify]") {
  auto alert = opened_alert();
  alert.summary = "a \"b\"\n\\";
  CHECK(Template::parse(R"({"x":"${summary}"})").value().render(alert, Escape::kJson) ==
        R"({"x":"a \"b\"\n\\"})");
}

TEST_CASE("an unknown name is refused with those that there are", "[notify]") {
  for (const auto* text : {"${sumary}", "${}", "${summary"}) {
    CAPTURE(text);
    REQUIRE_FALSE(Template::parse(text));
  }
  CHECK_THAT(Template::parse("${sumary}").error().context, Catch::Contains("there are summary,"));
  CHECK_FALSE(Template::parse(std::string(kTemplateBytesMax + 1, 'x')));
}

}  // namespace faultline::notify
