#include "probe/app/memory.h"

#include <fstream>
#include <stdexcept>
#include <string>

#include <catch2/catch.hpp>

namespace faultline::probe_app {
namespace {

// Of this process, in KiB; 0: this kernel does not tell.
std::size_t file_pages_resident() {
  const std::string name = "RssFile:";
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name)) return std::stoul(line.substr(name.size()));
  }
  return 0;
}

volatile int initialised = 7;  // in a part of the program that is written to

TEST_CASE("the program's pages are given back, and what it has written stays", "[memory]") {
  initialised = 8;
  const auto before = file_pages_resident();
  release_program_pages();
  const auto after = file_pages_resident();
  INFO(before << " KiB before, " << after << " after");
  if (before > 0) {
    CHECK(after < before);
  } else {
    WARN("SKIPPED: this kernel does not tell RssFile");
  }
  CHECK(initialised == 8);
  CHECK_THROWS_AS(throw std::runtime_error("needs tables that were given back"),
                  std::runtime_error);
}

}  // namespace
}  // namespace faultline::probe_app
