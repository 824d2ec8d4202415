// TrialRun: the tests that one diagnosis has made (diagnose/trials.h), from the wish to the answer.
//
// Why it exists: a node makes two ordered tests at once and may be busy with an operator's, so that
// what finds no room now is ordered again; whoever waits has a limit and is told what came of each.
//
// Thread safety: none; one question's. It blocks as long as `begin` does.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "controller/core/test_orders.h"
#include "controller/diagnose/trials.h"

namespace faultline::app {

class TrialRun {
 public:
  struct World {
    // The test's number; kLimit: the node has no room now.
    std::function<Result<std::uint64_t>(const std::string& node, const std::string& body)> begin;
    std::function<std::optional<core::OrderedTest>(std::uint64_t number)> look;
  };
  explicit TrialRun(World world) : world_(std::move(world)) {}

  void want(const std::vector<diagnose::Trial>& trials, const diagnose::Inputs& inputs);
  // Orders what waits and looks at what is under way. True: nothing is left of either.
  [[nodiscard]] bool step();
  // Adds what came of them; of what is not over, that it is not.
  void tell(diagnose::Inputs& inputs) const;
  // What was ordered, for the audit log.
  [[nodiscard]] std::vector<std::string> ordered() const;

 private:
  struct Item {
    diagnose::Trial trial;
    std::string node;
    std::string body;
    std::string text;
    std::optional<std::uint64_t> number{};
    std::optional<diagnose::Tried> tried{};
    std::string why_not{};
  };
  void begin(Item& item);
  void look_at(Item& item);
  [[nodiscard]] static bool is_over(const Item& item) {
    return item.tried.has_value() || !item.why_not.empty();
  }

  World world_;
  std::vector<Item> items_;
};

}  // namespace faultline::app
