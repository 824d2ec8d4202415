// A key that got another name goes on working, and says so.
#include "common/config/document.h"
#include "tests/support/catch.h"

namespace faultline::config {
namespace {

using Sentences = std::vector<std::string>;

struct Read {
  std::string socket = "default";
  std::string mistake;
  Sentences warnings;
};

Read read(std::string_view text, Environment environment = {}) {
  auto document = Document::parse(text, "c.yaml");
  REQUIRE(document);
  Read result;
  Section api = document->root(std::move(environment)).section("api");
  api.renamed("unix", "socket").text("socket", result.socket);
  const Status status = document->finish();
  if (!status) result.mistake = status.error().context;
  result.warnings = document->warnings();
  return result;
}

}  // namespace

TEST_CASE("a key's old name still works, and one warning says where it is and what to write",
          "[config]") {
  const auto old = read("\napi:\n  unix: /run/a.sock\n");
  CHECK(old.socket == "/run/a.sock");
  CHECK(old.mistake.empty());
  CHECK(old.warnings ==
        Sentences{"c.yaml:3: api.unix is the old name of api.socket: rename it, the old one will "
                  "be refused in the next major version"});
}

TEST_CASE("the new name is read without a warning", "[config]") {
  const auto current = read("api: {socket: /run/a.sock}\n");
  CHECK(current.socket == "/run/a.sock");
  CHECK(current.warnings.empty());
  CHECK(read("").socket == "default");
  CHECK(read("").warnings.empty());
}

TEST_CASE("both names at once are a mistake that says which to remove", "[config]") {
  CHECK(read("api:\n  socket: /a\n  unix: /b\n").mistake ==
        "c.yaml:3: api.unix is the old name of api.socket, which is given too: remove api.unix");
  CHECK(read("", {{"FAULTLINE_API_UNIX", "/a"}, {"FAULTLINE_API_SOCKET", "/b"}}).mistake ==
        "environment: FAULTLINE_API_UNIX is the old name of FAULTLINE_API_SOCKET, which is given "
        "too: remove FAULTLINE_API_UNIX");
}

TEST_CASE("the variable of the old name overrides the file, with a warning", "[config]") {
  const auto old = read("api: {socket: /a}\n", {{"FAULTLINE_API_UNIX", "/b"}});
  CHECK(old.socket == "/b");
  REQUIRE(old.warnings.size() == 1);
  CHECK_THAT(old.warnings[0], Catch::Contains("FAULTLINE_API_UNIX") &&
                                  Catch::Contains("old name of FAULTLINE_API_SOCKET"));
}

TEST_CASE("a mistake in a value is told by the name that the file has", "[config]") {
  CHECK(read("api:\n  unix: [a, b]\n").mistake ==
        "c.yaml:2: api.unix: expected one value, not a list or a map");
}

TEST_CASE("a misspelt key is never led to the old name", "[config]") {
  const auto misspelt = read("api:\n  unixx: /a\n").mistake;
  CHECK_THAT(misspelt, Catch::Contains("api.unixx is not a known key; known here: socket"));
}

}  // namespace faultline::config
