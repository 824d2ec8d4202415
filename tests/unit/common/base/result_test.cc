#include "common/base/result.h"

#include <memory>

#include "common/base/random.h"
#include "common/base/strong_id.h"
#include "tests/support/catch.h"

namespace faultline {
namespace {

Result<std::unique_ptr<int>> boxed(int value) {
  if (value < 0) return fail(ErrorCode::kInvalid, "negative");
  return std::make_unique<int>(value);
}

Status refuse(bool refused) {
  if (refused) return fail(ErrorCode::kDenied, "refused");
  return {};
}

Result<int> sum(int a, int b, bool refused) {
  FAULTLINE_TRY_STATUS(refuse(refused));
  FAULTLINE_TRY(const auto left, boxed(a));
  FAULTLINE_TRY(const auto right, boxed(b));
  return *left + *right;
}

TEST_CASE("FAULTLINE_TRY yields the value, moved, or returns the first error", "[base]") {
  CHECK(sum(1, 2, false) == 3);
  CHECK(sum(1, -2, false).error() == Error{ErrorCode::kInvalid, "negative"});
  CHECK(sum(-1, -2, true).error() == Error{ErrorCode::kDenied, "refused"});
}

TEST_CASE("every error code has a name of its own", "[base]") {
  std::vector<std::string_view> names;
  for (auto code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    names.push_back(to_string(static_cast<ErrorCode>(code)));
  }
  std::ranges::sort(names);
  CHECK(std::ranges::adjacent_find(names) == names.end());
  CHECK(std::ranges::find(names, "unknown") == names.end());
}

TEST_CASE("a strong id compares and hashes like its number", "[base]") {
  using Id = StrongId<struct TestTag, std::uint32_t>;
  CHECK(Id{1} < Id{2});
  CHECK(Id{} == Id{0});
  CHECK(std::hash<Id>{}(Id{7}) == std::hash<std::uint32_t>{}(7));
}

TEST_CASE("uniform_below stays below its bound and reaches every value", "[base]") {
  Rng rng(1);
  std::vector<int> seen(7);
  for (int i = 0; i < 1000; ++i) ++seen.at(uniform_below(rng, 7));
  CHECK(std::ranges::all_of(seen, [](int count) { return count > 0; }));
}

}  // namespace
}  // namespace faultline
