// AppBackend's standing tests.
#include <fmt/format.h>

#include "common/async/clock.h"
#include "controller/app/backend.h"

namespace faultline::app {
namespace {

api::StandingPairView pair_view(const core::StandingPairView& pair) {
  const auto& result = pair.result;
  const bool has_run = result.runs > 0;
  return {.from = pair.from,
          .to = pair.to,
          .outcome = std::string(to_string(result.outcome)),
          .verdict = result.verdict,
          .summary = result.summary,
          .at = has_run ? std::optional(result.at) : std::nullopt,
          .since = has_run ? std::optional(result.since) : std::nullopt,
          .runs = result.runs,
          .failing = result.failing};
}

api::StandingTestView test_view(const core::StandingTestView& known) {
  const auto& test = known.test;
  api::StandingTestView view{
      .name = test.name,
      .what = core::what_of(test.order),
      .from = from_text(test),
      .to = to_text(test),
      .every = test.every,
      .severity = test.severity ? std::string(to_string(*test.severity)) : "none",
      .pairs_left_out = known.left_out,
      .pairs_failing = known.failing};
  for (const auto& pair : known.pairs) view.pairs.push_back(pair_view(pair));
  return view;
}

}  // namespace

Result<api::StandingTestsView> AppBackend::standing_tests(std::string_view name) const {
  const auto snapshot = snapshots_.snapshot();
  api::StandingTestsView view{.generated_at = async::now_wall(), .asked = std::string(name)};
  for (const auto& test : *snapshot->standing) {
    if (name.empty() || test.test.name == name) view.tests.push_back(test_view(test));
  }
  if (!name.empty() && view.tests.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no standing test {}: they are in the controller's "
                            "configuration, under `tests`",
                            name));
  }
  return view;
}

}  // namespace faultline::app
