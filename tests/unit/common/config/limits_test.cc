#include <filesystem>
#include <fstream>
#include <string>

#include "common/config/document.h"
#include "common/config/tree.h"
#include "tests/support/catch.h"

namespace faultline::config {
namespace {

std::string refusal(std::string_view text) {
  const auto document = Document::parse(text, "c.yaml");
  return document ? "" : document.error().context;
}

}  // namespace

TEST_CASE("text that is not YAML is refused with its line, never with an exception", "[config]") {
  const auto text = GENERATE("a: b\nc: [d\n", "a: b\n\tc: d\n", "a: b\n- c\n",
                             "a: b\nc: *nowhere\n", "a: b\nc: }\n", "a: b\n? [");
  CAPTURE(text);
  CHECK_THAT(refusal(text), Catch::Matches("c\\.yaml:[2-5]: not YAML: .+"));
}

TEST_CASE("a document that is a list or a word is refused", "[config]") {
  CHECK(refusal("- a\n- b\n") == "c.yaml:1: expected \"key: value\" lines");
  CHECK(refusal("hello\n") == "c.yaml:1: expected \"key: value\" lines");
}

TEST_CASE("a key given twice is refused", "[config]") {
  CHECK(refusal("a: 1\nb: 2\na: 3\n") == "c.yaml:3: a is given twice");
}

TEST_CASE("a key that is no plain word is refused", "[config]") {
  CHECK(refusal("[a, b]: 1\n") == "c.yaml:1: a key must be a plain word");
}

TEST_CASE("a second document in one file is refused", "[config]") {
  CHECK(refusal("a: 1\n---\nb: 2\n") ==
        "c.yaml:3: a second document begins here; only one is read");
}

TEST_CASE("deep nesting ends in a sentence, not in a full stack", "[config]") {
  CHECK_FALSE(refusal("a: " + std::string(100'000, '[')).empty());
  std::string nested = "a: ";
  for (std::size_t i = 0; i < kDepthMax + 1; ++i) nested += '[';
  for (std::size_t i = 0; i < kDepthMax + 1; ++i) nested += ']';
  CHECK(refusal(nested) == "c.yaml:1: the document is nested too deeply");
}

TEST_CASE("aliases that multiply beyond the limit are refused", "[config]") {
  std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 8; ++i) {
    const std::string previous = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) text += (j == 0 ? "" : ",") + previous;
    text += "]\n";
  }
  CHECK_THAT(refusal(text), Catch::EndsWith("the document has too many values"));
}

TEST_CASE("an alias of its own ancestor is refused", "[config]") {
  CHECK_FALSE(refusal("a: &a [*a]\n").empty());
}

TEST_CASE("a file beyond the size limit is refused", "[config]") {
  CHECK(refusal(std::string(kFileBytesMax + 1, '#')) == "c.yaml: the file is larger than 4 MiB");
}

TEST_CASE("a file that cannot be read is told by its path", "[config]") {
  const auto missing = Document::load_file("/nowhere/c.yaml");
  REQUIRE_FALSE(missing);
  CHECK(missing.error() ==
        Error{ErrorCode::kNotFound, "cannot read /nowhere/c.yaml: No such file or directory"});
  const auto folder = Document::load_file("/");
  REQUIRE_FALSE(folder);
  CHECK(folder.error().context == "cannot read /: Is a directory");
}

TEST_CASE("every prefix and every damaged octet of a file yields a value or a sentence",
          "[config]") {
  const std::string text = "a: &x {b: [1, 'two', \"\\x41\"]}\nc: *x\nd: |\n  e\n  f\n? g\n: h\n";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    (void)Document::parse(text.substr(0, size), "c.yaml");
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const char c : {'\0', '\xff', '{', '[', '*', '&', '"', '\t', ':', '\n', '!'}) {
      std::string damaged = text;
      damaged[i] = c;
      (void)Document::parse(damaged, "c.yaml");
    }
  }
  SUCCEED("nothing was thrown");
}

}  // namespace faultline::config
