// The views of standing tests. As views.h says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace faultline::api {

struct StandingPairView {
  std::string from{};
  std::string to{};
  std::string outcome{};  // none, ok, fault, inconclusive, not-run: of the last run
  std::string verdict{};
  std::string summary{};
  std::optional<WallTime> at{};     // of the last run; empty: it was not tested yet
  std::optional<WallTime> since{};  // the outcome has been this
  std::uint64_t runs = 0;
  bool failing = false;
};

struct StandingTestView {
  std::string name{};
  std::string what{};  // "port 443 by tcp"
  std::string from{};  // "rack=r1", "all nodes"
  std::string to{};
  Duration every{};
  std::string severity{};  // of its incident: none, warning, error, critical
  std::vector<StandingPairView> pairs{};
  std::uint64_t pairs_left_out = 0;
  std::uint64_t pairs_failing = 0;
};

struct StandingTestsView {
  WallTime generated_at{};
  std::string asked{};  // the one that was asked for; empty: all
  std::vector<StandingTestView> tests{};
};

[[nodiscard]] std::string standing_tests_json(const StandingTestsView& view);

}  // namespace faultline::api
