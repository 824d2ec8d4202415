#include "probe/app/facts_command.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "common/facts/facts_json.h"
#include "probe/facts/collector.h"

namespace faultline::probe_app {

int run_facts(const FactsCommand& command) {
  const auto collection = probe_facts::collect({.run_programs = command.programs});
  const auto text = facts::to_text(collection.facts);
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (command.cost) {
    using Milliseconds = std::chrono::duration<double, std::milli>;
    fmt::print(stderr, "collecting took {:.2f} ms of processor time; worth that again in {}\n",
               Milliseconds(collection.processor_time).count(),
               format_duration(std::chrono::ceil<std::chrono::seconds>(
                   probe_facts::pause_after(collection.processor_time))));
  }
  return written && std::fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace faultline::probe_app
