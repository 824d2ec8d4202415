#include "probe/facts/child.h"

#include "tests/support/catch.h"

namespace faultline::probe_facts {
namespace {

TEST_CASE("a program's output and processor time come back", "[facts]") {
  const auto output = run_child({"echo", "hello"}, {});
  REQUIRE(output);
  CHECK(output->text == "hello\n");
  CHECK(output->processor_time < std::chrono::seconds{1});
}

TEST_CASE("a program that fails is told with its own words", "[facts]") {
  const auto output = run_child({"ls", "/no/such/folder"}, {});
  REQUIRE_FALSE(output);
  CHECK(output.error().code == ErrorCode::kDenied);
  CHECK(output.error().context.find("No such file or directory") != std::string::npos);
  CHECK(run_child({"no-such-program-of-anyone"}, {}).error().code == ErrorCode::kNotFound);
}

TEST_CASE("a program that does not end is ended", "[facts]") {
  const auto output = run_child({"sleep", "1000"}, {.patience = std::chrono::milliseconds{50}});
  CHECK(output.error() == Error{ErrorCode::kLimit, "sleep took more than 50ms"});
  // One that closes its output and goes on; it has to come so far within its time.
  const auto silent =
      run_child({"bash", "-c", "exec >&- 2>&-; sleep 1000"}, {.patience = std::chrono::seconds{2}});
  CHECK(silent.error() == Error{ErrorCode::kLimit, "bash does not end"});
}

TEST_CASE("a program that prints without end is ended", "[facts]") {
  const auto output = run_child({"yes"}, {.output_max = 100'000});
  CHECK(output.error() == Error{ErrorCode::kLimit, "yes printed more than 100000 bytes"});
}

}  // namespace
}  // namespace faultline::probe_facts
