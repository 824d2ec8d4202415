// migrate_until_killed DIRECTORY N: brings the store to the test's format, one beyond this build's,
// and kills itself, as SIGKILL does, before the Nth batch.
#include <signal.h>

#include <cstdio>
#include <cstdlib>

#include "controller/store/keys.h"
#include "tests/integration/controller/store/test_steps.h"

int main(int argc, char** argv) {
  using namespace faultline;
  if (argc != 3) return 3;
  const auto last = static_cast<std::size_t>(std::atoi(argv[2]));
  const std::vector steps{
      store::mark_documents(store::kFormatVersion, '!', [last](std::size_t batch) -> Status {
        if (batch == last) ::kill(::getpid(), SIGKILL);
        return {};
      })};
  const auto database = store::Database::open(
      argv[1], {.format = store::kFormatVersion + 1, .steps = steps, .on_progress = {}});
  if (database) return 0;
  std::fprintf(stderr, "%s\n", database.error().context.c_str());
  return 1;
}
