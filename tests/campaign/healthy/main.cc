// A healthy month, or day, through the controller's own core: nobody may be paged.
#include <sys/resource.h>

#include <cstdio>
#include <ctime>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "tests/campaign/healthy/world.h"

namespace faultline::healthy {
namespace {

constexpr int kExitPaged = 1;
constexpr int kExitUsage = 3;
constexpr std::uint32_t kSmallFleet = 200;  // whose day takes less than a minute

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void show(const Page& page) {
  const auto body = nlohmann::json::parse(page.body);
  fmt::print("{} {}: {}\n", format_rfc3339(page.at), page.event,
             body.at("summary").get<std::string>());
  if (page.event != "opened") return;
  for (const auto& text : page.meanwhile) fmt::print("    meanwhile: {}\n", text);
}

void summarize(const World& world, std::uint64_t opened) {
  const auto& counters = world.counters;
  const auto& links = world.network.counters();
  const auto& core = world.core();
  fmt::print(
      "\nwindows judged       {} ({} skipped, {} reports late)\nsessions             {}\npackets   "
      "           {}\nlost           "
      "      {} ({:.4f} %)\n",
      core.counters().windows_judged, core.windows().windows_skipped(),
      core.windows().late_reports(), world.sessions(), counters.packets, counters.lost,
      100 * static_cast<double>(counters.lost) /
          static_cast<double>(std::max<std::uint64_t>(1, counters.packets)));
  fmt::print(
      "congestions          {}\nmicrobursts          {}\noverloads            {}\nclock steps      "
      "    {}\n",
      links.congestions, links.microbursts, counters.overloads, counters.clock_steps);
  fmt::print(
      "restarts             {}\nreboots              {}\nprobe crashes        {}\nexcused "
      "observations {}\n",
      counters.restarts, counters.reboots, counters.crashes, core.counters().observations_excused);
  for (const auto& [kind, count] : world.anomalies()) {
    fmt::print("anomalies            {} {}\n", count, kind);
  }
  fmt::print(
      "processor time       {:.0f} s\nlargest memory       {:.0f} MiB\npages                {}\n",
      cpu_seconds(), peak_mib(), opened);
}

int run(const World::Options& options, Duration length, bool quiet) {
  World world(options);
  std::size_t shown = 0;
  std::uint64_t opened = 0;
  std::int64_t hours = 0;
  const std::int64_t hours_per_line = options.network.hosts <= kSmallFleet ? 24 : 1;
  world.run(length, [&] {
    for (; shown < world.pages().size(); ++shown) {
      show(world.pages()[shown]);
      opened += world.pages()[shown].event == "opened" ? 1 : 0;
    }
    if (++hours % hours_per_line == 0 && !quiet) {
      fmt::print("day {}, hour {}: {} windows, {} pages, {:.0f} s\n", 1 + (hours - 1) / 24,
                 1 + (hours - 1) % 24, world.core().counters().windows_judged, opened,
                 cpu_seconds());
    }
    std::fflush(stdout);
  });
  summarize(world, opened);
  return opened == 0 ? 0 : kExitPaged;
}

}  // namespace
}  // namespace faultline::healthy

int main(int argc, char** argv) {
  using faultline::healthy::World;
  World::Options options;
  double hours = 24;
  bool quiet = false;
  CLI::App app(
      "A healthy fleet through the controller's own core: exit code 1 when anybody was paged");
  app.add_option("--nodes", options.network.hosts, "Hosts; default: 50")
      ->check(CLI::Range(2, 4000));
  app.add_option("--leaves", options.network.leaves, "Racks; default: 5")
      ->check(CLI::Range(1, 256));
  app.add_option("--spines", options.network.spines, "Default: 4")->check(CLI::Range(1, 64));
  app.add_option("--hours", hours, "Of virtual time; default: 24")->check(CLI::PositiveNumber);
  app.add_option("--flows", options.flows_per_node_max,
                 "Tracked flows per node at most; default: 512")
      ->check(CLI::Range(1, 4096));
  app.add_option("--seed", options.seed, "Default: 1");
  app.add_flag("--quiet", quiet, "No lines of progress");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : faultline::healthy::kExitUsage;
  }
  return faultline::healthy::run(
      options,
      std::chrono::duration_cast<faultline::Duration>(std::chrono::duration<double>(hours * 3600)),
      quiet);
}
