#include "tests/unit/controller/vpc/cases.h"

#include <map>
#include <set>

#include "controller/explain/catalogue.h"
#include "controller/vpc/answer.h"
#include "tests/support/catch.h"

namespace faultline::vpc::tests {
namespace {

Answer answer_of(const Case& one) {
  const auto import = import_files(one.files);
  INFO((import ? std::string{} : import.error().context));
  REQUIRE(import);
  auto answer = reach(import->model, one.question);
  INFO((answer ? std::string{} : answer.error().context));
  REQUIRE(answer);
  return *std::move(answer);
}

}  // namespace

TEST_CASE("every written case has the answer, the rule and the direction that it says", "[vpc]") {
  const auto cases = load_cases();
  CHECK(cases.size() >= 60);
  for (const auto& one : cases) {
    INFO(one.area << ": " << one.name);
    const auto answer = answer_of(one);
    INFO(sentence(answer));
    CHECK(to_string(answer.verdict) == one.expected.verdict);
    CHECK(answer.stop.has_value() == (answer.verdict != Verdict::kAllowed));
    if (!answer.stop) continue;
    CHECK(to_string(answer.stop->direction) == one.expected.direction);
    if (!one.expected.code.empty()) CHECK(answer.stop->code == one.expected.code);
    if (!one.expected.element.empty()) CHECK(answer.stop->element == one.expected.element);
    if (!one.expected.rule.empty()) CHECK(answer.stop->rule == one.expected.rule);
    CHECK_FALSE(answer.stop->sentence.empty());
  }
}

TEST_CASE("every code of an answer can be explained", "[vpc]") {
  const auto catalogue = explain::read_catalogue(explain::code_files());
  REQUIRE(catalogue);
  std::set<std::string> known;
  for (const auto& code : catalogue->codes) {
    if (code.family == "aws" || code.family == "snapshot") known.insert(code.name);
  }
  std::set<std::string> seen;
  for (const auto& one : load_cases()) {
    INFO(one.name);
    const auto answer = answer_of(one);
    if (!answer.stop) continue;
    seen.insert(answer.stop->code);
    CHECK(known.contains(answer.stop->code));
  }
  CHECK(seen.size() >= 20);
}

TEST_CASE("the files' order and names do not change an answer", "[vpc]") {
  for (const auto* world : {"office", "peers"}) {
    auto files = load_world(world);
    const auto before = import_files(files);
    REQUIRE(before);
    std::reverse(files.begin(), files.end());
    std::size_t number = 0;
    for (auto& file : files) {
      // The one name that says something: whose entries they are.
      if (file.name.find("pl-office") == std::string::npos) {
        file.name = std::to_string(number++) + ".txt";
      }
    }
    const auto after = import_files(files);
    REQUIRE(after);
    CHECK(after->model == before->model);
  }
}

TEST_CASE("an answer names every element that was asked, in both directions", "[vpc]") {
  const auto import = import_files(load_world("office"));
  REQUIRE(import);
  const auto answer = reach(import->model, {.from = "app", .to = "db", .port = 5432});
  REQUIRE(answer);
  std::vector<std::string> elements;
  for (const auto& step : answer->trail) {
    elements.push_back(std::string{to_string(step.direction)} + " " + step.element);
  }
  CHECK(elements == std::vector<std::string>{
                        "forward sg-app", "forward acl-open", "forward rtb-app", "forward acl-db",
                        "forward sg-db", "return acl-db", "return rtb-main", "return acl-open"});
  CHECK(sentence(*answer) == "app (i-app) may talk to db (i-db) on tcp 5432");
}

TEST_CASE("what is typed and cannot be found or is ambiguous is refused with a way out", "[vpc]") {
  const auto import = import_files(load_world("office"));
  REQUIRE(import);
  const auto refusal = [&](const std::string& from, const std::string& to) {
    const auto answer = reach(import->model, {.from = from, .to = to});
    REQUIRE_FALSE(answer);
    return answer.error().context;
  };
  CHECK(refusal("nobody", "db") ==
        "'nobody' is no id, name or address in the snapshot; 'faultline vpc check' lists what was "
        "read");
  CHECK(refusal("8.8.8.8", "9.9.9.9") ==
        "neither '8.8.8.8' nor '9.9.9.9' is a network interface of the snapshot");
  CHECK(refusal("10.0.9.9", "db") ==
        "10.0.9.9 is an address of vpc-main, but no network interface has it");
  CHECK(
      refusal("2001:db8:ffff::1", "8.8.8.8") ==
      "2001:db8:ffff::1 and 8.8.8.8 are not of one kind: IPv4 and IPv6 do not talk to each other");
  CHECK(refusal("app", "eni-app") == "'app' and 'eni-app' are the same interface, eni-app");
}

}  // namespace faultline::vpc::tests
