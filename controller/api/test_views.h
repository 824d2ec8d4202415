// The view of a test that was ordered from a node. As views.h says.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/time.h"

namespace faultline::api {

enum class TestState : std::uint8_t { kRunning, kDone, kFailed };
struct OrderedTestView {
  std::string id{};
  std::string node{};
  std::string target{};  // as it was called
  WallTime ordered_at{};
  TestState state = TestState::kRunning;
  std::string text{};                           // how far it is, or why it failed
  std::string remark{};                         // goes into the report
  std::shared_ptr<const std::string> report{};  // common/ondemand/README.md; null unless it is done

  bool operator==(const OrderedTestView&) const = default;
};

}  // namespace faultline::api
