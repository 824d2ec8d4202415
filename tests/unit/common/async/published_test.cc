#include "common/async/published.h"

#include <thread>
#include <vector>

#include "tests/support/catch.h"

namespace faultline::async {

TEST_CASE("readers find a default value until the first is published", "[async]") {
  Published<std::vector<int>> published;
  CHECK(published.snapshot()->empty());
  published.publish({1, 2});
  CHECK(*published.snapshot() == std::vector{1, 2});
}

TEST_CASE("a snapshot stays as it was while newer values are published", "[async]") {
  Published<int> published{1};
  const auto first = published.snapshot();
  published.publish(2);
  CHECK(*first == 1);
  CHECK(*published.snapshot() == 2);
}

TEST_CASE("concurrent readers see whole values that never go back", "[async]") {
  constexpr int kVersions = 2000;
  Published<std::vector<int>> published{std::vector<int>(8, 0)};
  std::vector<int> faults(3, 0);
  {
    std::vector<std::jthread> readers;
    for (auto& fault : faults) {
      readers.emplace_back([&published, &fault] {
        for (int last = 0; last < kVersions;) {
          const auto seen = published.snapshot();
          fault += *seen != std::vector<int>(8, seen->front()) || seen->front() < last ? 1 : 0;
          last = seen->front();
        }
      });
    }
    for (int version = 1; version <= kVersions; ++version) {
      published.publish(std::vector<int>(8, version));
    }
  }
  CHECK(faults == std::vector<int>(3, 0));
}

}  // namespace faultline::async
