#include "controller/explain/catalogue.h"

#include <set>
#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace faultline::explain {
namespace {

constexpr CodeFile kCommands{"commands.yaml",
                             "commands:\n"
                             "  status: {command: faultline status, shows: the verdict}\n"};

std::string family_with(const std::string& codes) {
  return "family: errno\ntitle: Numbers\nsource: a manual\ncodes:\n" + codes;
}

constexpr const char* kRefused =
    "  - number: 111\n"
    "    name: ECONNREFUSED\n"
    "    summary: Connection refused\n"
    "    meaning: Somebody said no.\n"
    "    causes: [nothing listens]\n"
    "    check: [the port]\n"
    "    see: [status]\n";

Result<Catalogue> read(const std::string& family) {
  const std::vector<CodeFile> files{kCommands, {"errno.yaml", family}};
  return read_catalogue(files);
}

std::string refusal(const std::string& family) {
  const auto catalogue = read(family);
  REQUIRE_FALSE(catalogue);
  return catalogue.error().context;
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

}  // namespace

TEST_CASE("a family file becomes codes with their commands", "[explain]") {
  const auto catalogue = read(family_with(kRefused));
  REQUIRE(catalogue);
  REQUIRE(catalogue->codes.size() == 1);
  CHECK(catalogue->families.front().title == "Numbers");
  const Code expected{.family = "errno",
                      .number = "111",
                      .name = "ECONNREFUSED",
                      .summary = "Connection refused",
                      .aliases = {},
                      .meaning = "Somebody said no.",
                      .causes = {"nothing listens"},
                      .checks = {"the port"},
                      .commands = {{"faultline status", "the verdict"}}};
  CHECK(catalogue->codes.front() == expected);
}

TEST_CASE("what a code must have may neither be missing nor empty", "[explain]") {
  const auto whole = family_with(kRefused);
  for (const std::string line :
       {"    summary: Connection refused\n", "    meaning: Somebody said no.\n",
        "    causes: [nothing listens]\n", "    check: [the port]\n"}) {
    CAPTURE(line);
    CHECK_FALSE(read(replaced(whole, line, "")));
    CHECK_FALSE(read(replaced(whole, line, line.substr(0, line.find(':') + 1) + " \"\"\n")));
  }
  CHECK_FALSE(read(replaced(whole, "[the port]", "[]")));
  CHECK_FALSE(read(replaced(whole, "source: a manual\n", "")));
}

TEST_CASE("a number or name twice, an unknown command and an unknown key are told by line",
          "[explain]") {
  CHECK_THAT(refusal(family_with(std::string{kRefused} + kRefused)),
             Catch::StartsWith("errno.yaml:") && Catch::Contains("\"111\" is there twice"));
  const auto renamed = replaced(replaced(kRefused, "111", "112"), "ECONNREFUSED", "econnrefused");
  CHECK_THAT(refusal(family_with(kRefused + renamed)),
             Catch::Contains("\"econnrefused\" is there twice"));
  CHECK_THAT(refusal(family_with(replaced(kRefused, "[status]", "[oracle]"))),
             Catch::Contains("\"oracle\" is not in commands.yaml"));
  CHECK_THAT(refusal(family_with(replaced(kRefused, "meaning", "meanign"))),
             Catch::Contains("meanign"));
}

TEST_CASE("the files compiled in are in order, and families and numbers are unique", "[explain]") {
  const auto catalogue = read_catalogue(code_files());
  if (!catalogue) FAIL(catalogue.error().context);
  CHECK(catalogue->families.size() + 1 == code_files().size());
  CHECK(catalogue->codes.size() > 300);
  std::set<std::string> families;
  for (const auto& family : catalogue->families) {
    CHECK(families.insert(family.name).second);
    for (const auto& alias : family.aliases) CHECK(families.insert(alias).second);
  }
  for (const auto& code : catalogue->codes) {
    CAPTURE(code.family, code.name);
    CHECK(families.contains(code.family));
    for (const auto& advice : code.commands) {
      CHECK_THAT(advice.command, Catch::StartsWith("faultline "));
    }
  }
}

}  // namespace faultline::explain
