#include "common/model/node.h"

#include "tests/support/catch.h"
#include "tests/support/random_values.h"

namespace faultline {
namespace {

TEST_CASE("a name that needs no quoting anywhere is accepted", "[model][node]") {
  CHECK(validate_name("leaf1-host2.example_x"));
  CHECK(validate_name("0"));
  CHECK(validate_name(std::string(kNameLengthMax, 'a')));
}

TEST_CASE("any other name is refused", "[model][node]") {
  const auto* name = GENERATE("", "-x", ".x", "_x", "a b", "a/b", "a\nb", "a:b", "ä");
  CAPTURE(name);
  CHECK_FALSE(validate_name(name));
  CHECK_FALSE(validate_name(std::string(kNameLengthMax + 1, 'a')));
}

TEST_CASE("the refusal of a name never repeats what could harm a terminal", "[model][node]") {
  CHECK(validate_name("a\x1b[2J").error().context.find('\x1b') == std::string::npos);
  CHECK(validate_name("two words").error().context.find("\"two words\"") != std::string::npos);
}

TEST_CASE("labels are bounded in number, key and value", "[model][node]") {
  CHECK(validate_labels({{"rack", "r 17, left"}, {"zone", ""}}));
  CHECK_FALSE(validate_labels({{"a key", "x"}}));
  CHECK_FALSE(validate_labels({{"rack", std::string(kNameLengthMax + 1, 'x')}}));
  CHECK_FALSE(validate_labels({{"rack", "a\tb"}}));
  Labels many;
  for (std::size_t i = 0; i <= kLabelsMax; ++i) many["l" + std::to_string(i)] = "";
  CHECK(validate_labels(many).error().code == ErrorCode::kInvalid);
}

TEST_CASE("a public key survives being written and read", "[model][ids]") {
  Rng rng(1);
  const auto key = tests::random_key(rng);
  CHECK(parse_public_key(to_string(key)) == key);
  CHECK(to_string(key).substr(0, 12) == short_name(key));
  CHECK_FALSE(parse_public_key(to_string(key).substr(1)));
  CHECK_FALSE(parse_public_key("g" + to_string(key).substr(1)));
}

TEST_CASE("node kinds have names", "[model][node]") {
  CHECK(parse_node_kind(to_string(NodeKind::kVm)) == NodeKind::kVm);
  CHECK(parse_node_kind(to_string(NodeKind::kHost)) == NodeKind::kHost);
  CHECK_FALSE(parse_node_kind("switch"));
}

}  // namespace
}  // namespace faultline
