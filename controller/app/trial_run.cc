#include "controller/app/trial_run.h"

#include <algorithm>

#include <fmt/format.h>

namespace faultline::app {

void TrialRun::want(const std::vector<diagnose::Trial>& trials, const diagnose::Inputs& inputs) {
  for (const auto& trial : trials) {
    if (items_.size() >= diagnose::kTrialsMax) return;
    items_.push_back({.trial = trial,
                      .node = (trial.from_b ? inputs.b : inputs.a).name,
                      .body = diagnose::order_of(trial, inputs),
                      .text = diagnose::text_of(trial, inputs)});
  }
}

bool TrialRun::step() {
  for (auto& item : items_) {
    if (is_over(item)) continue;
    item.number ? look_at(item) : begin(item);
  }
  return std::ranges::all_of(items_, is_over);
}

void TrialRun::begin(Item& item) {
  const auto number = world_.begin(item.node, item.body);
  if (number) {
    item.number = *number;
  } else if (number.error().code != ErrorCode::kLimit) {
    item.why_not = number.error().context;
  }
}

void TrialRun::look_at(Item& item) {
  const auto test = world_.look(*item.number);
  if (!test || test->state == TestState::kRunning) return;
  if (test->state != TestState::kDone || !test->report) {
    item.why_not = test->text;
    return;
  }
  auto tried = diagnose::tried_of(item.trial, *test->report);
  if (tried.outcome == "untold") {
    item.why_not = tried.detail.empty() ? "its report says nothing" : tried.detail;
  } else {
    item.tried = std::move(tried);
  }
}

void TrialRun::tell(diagnose::Inputs& inputs) const {
  for (const auto& item : items_) {
    if (item.tried) {
      inputs.tried.push_back(*item.tried);
      continue;
    }
    const auto why = !item.why_not.empty() ? item.why_not
                     : item.number         ? std::string("no answer in time")
                                           : std::string("the node has other tests to make");
    inputs.untried.push_back(fmt::format("{}: {}", item.text, why));
  }
}

std::vector<std::string> TrialRun::ordered() const {
  std::vector<std::string> texts;
  for (const auto& item : items_) {
    if (item.number) texts.push_back(item.text);
  }
  return texts;
}

}  // namespace faultline::app
