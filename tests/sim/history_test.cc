// Random histories: whatever happens to a fleet, in any order and all at once, no invariant breaks.
//
// FAULTLINE_SIM_SEEDS=N runs N histories instead of five; FAULTLINE_SIM_SEED=N runs only the one of
// that seed, to replay it.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "tests/sim/controller.h"
#include "tests/sim/fleet.h"
#include "tests/sim/probe.h"
#include "tests/support/catch.h"

namespace faultline::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint32_t kLeaves = 5;
constexpr std::uint32_t kSpines = 3;
// No outage here is longer than two minutes, and a probe tries again within another; a minute of
// the controller's disk may come before and after.
constexpr std::size_t kWaitingMax = 42;

std::optional<std::uint64_t> number_of(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? std::nullopt : std::optional(std::strtoull(text, nullptr, 10));
}

// First and last.
std::pair<std::uint64_t, std::uint64_t> seeds() {
  if (const auto only = number_of("FAULTLINE_SIM_SEED")) return {*only, *only};
  return {1, number_of("FAULTLINE_SIM_SEEDS").value_or(5)};
}

// Lets one thing after the other happen. What it breaks it mends again by itself, later.
class Mischief {
 public:
  explicit Mischief(SimFleet& fleet) : fleet_(fleet) {}

  void happen() {
    constexpr std::array kThings{
        &Mischief::cut_connection,    &Mischief::crash_probe,    &Mischief::stop_probe,
        &Mischief::crash_controller,  &Mischief::lose_on_a_link, &Mischief::cut_off_from_controller,
        &Mischief::switch_a_host_off, &Mischief::rehash,         &Mischief::stall_disk,
        &Mischief::fail_disk,         &Mischief::set_clock_wrong};
    (this->*kThings[uniform_below(fleet_.rng, kThings.size())])();
  }

 private:
  [[nodiscard]] Duration up_to(Duration most) {
    return Duration{static_cast<std::int64_t>(
        uniform_below(fleet_.rng, static_cast<std::uint64_t>(most.count())))};
  }
  // A host to which nothing else happens at the moment; 0: this one is busy.
  [[nodiscard]] std::uint32_t some_host() {
    const auto host =
        static_cast<std::uint32_t>(1 + uniform_below(fleet_.rng, fleet_.probes.size()));
    return busy_.contains(host) ? 0 : host;
  }
  void for_a_while(std::uint32_t host, std::function<void()> mend) {
    busy_.insert(host);
    fleet_.clock.after(up_to(minutes{2}), [this, host, mend = std::move(mend)] {
      mend();
      busy_.erase(host);
    });
  }

  void cut_connection() { fleet_.cut_connection(uniform_below(fleet_.rng, fleet_.probes.size())); }
  void crash_probe() {
    if (const auto host = some_host()) fleet_.probe_at(host)->crash();
  }
  void stop_probe() {
    const auto host = some_host();
    if (host == 0) return;
    fleet_.stop_probe(host - 1);
    for_a_while(host, [this, host] {
      if (fleet_.probe_at(host)->is_running()) fleet_.kill_probe(host - 1);  // still saying goodbye
      fleet_.start_probe(host - 1);
    });
  }
  void crash_controller() {
    if (fleet_.controller == nullptr) return;
    fleet_.crash_controller();
    fleet_.clock.after(up_to(minutes{1}), [this] { fleet_.start_controller(); });
  }
  void lose_on_a_link() {
    if (fleet_.fabric.fault) return;
    const auto leaf = 1 + uniform_below(fleet_.rng, kLeaves);
    const auto spine = 1 + uniform_below(fleet_.rng, kSpines);
    const double loss = 0.01 + 0.3 * uniform(fleet_.rng);
    fleet_.fabric.fault = {fmt::format("leaf{}>spine{}", leaf, spine), loss};
    fleet_.clock.after(minutes{1} + up_to(minutes{4}), [this] { fleet_.fabric.fault.reset(); });
  }
  void cut_off_from_controller() {
    const auto host = some_host();
    if (host == 0) return;
    fleet_.cut_uplink(host, SimFleet::Way::kController);
    for_a_while(host, [this, host] { fleet_.mend_uplink(host); });
  }
  void switch_a_host_off() {
    const auto host = some_host();
    if (host == 0) return;
    fleet_.switch_off(host);
    for_a_while(host, [this, host] { fleet_.switch_on(host); });
  }
  void rehash() {
    fleet_.fabric.rehash(static_cast<std::uint32_t>(uniform_below(fleet_.rng, kLeaves)),
                         fleet_.rng());
  }

  void stall_disk() { trouble_disk(fleet_.disk_stalled); }
  void fail_disk() { trouble_disk(fleet_.disk_fails); }
  void trouble_disk(bool& trouble) {
    if (fleet_.disk_stalled || fleet_.disk_fails) return;
    trouble = true;
    fleet_.clock.after(up_to(minutes{1}), [&trouble] { trouble = false; });
  }
  // The controller's, and set right again.
  void set_clock_wrong() {
    if (fleet_.controller_ahead != Duration{}) return;
    fleet_.controller_ahead = up_to(minutes{2}) - minutes{1};
    fleet_.clock.after(up_to(minutes{2}), [this] { fleet_.controller_ahead = {}; });
  }

  SimFleet& fleet_;
  std::set<std::uint32_t> busy_;
};

void check_always(const SimFleet& fleet) {
  CHECK(fleet.acknowledged_but_lost().empty());
  CHECK(fleet.disk.written_twice == 0);
  for (const auto& probe : fleet.probes) CHECK(probe->waiting() <= kWaitingMax);
}

// Each incident is opened and resolved in turns (a fault that comes back soon continues its
// incident), and over at last.
void check_incidents_balance(const SimFleet& fleet) {
  std::map<std::string, int> open;
  for (const auto& alert : fleet.alerts) {
    CAPTURE(alert.incident, alert.event, alert.summary);
    if (alert.event == "opened") CHECK(++open[alert.incident] == 1);
    if (alert.event == "resolved") CHECK(--open[alert.incident] == 0);
  }
  for (const auto& [incident, times] : open) {
    CAPTURE(incident);
    CHECK(times == 0);
  }
}

// `length` of mischief, and then quiet for as long as an incident takes to be resolved.
void check_history(SimFleet& fleet, Duration length, Duration between_max) {
  Mischief mischief(fleet);
  fleet.run(minutes{2});
  const auto end = fleet.clock.instant() + length;
  while (fleet.clock.instant() < end) {
    fleet.run(Duration{static_cast<std::int64_t>(
        uniform_below(fleet.rng, static_cast<std::uint64_t>(between_max.count())))});
    mischief.happen();
    check_always(fleet);
  }
  fleet.run(minutes{15});
  check_always(fleet);
  check_incidents_balance(fleet);
  CHECK(fleet.every_plan_is_current());
  CHECK(fleet.batches_waiting() <= fleet.probes.size());  // of the window that closes just now
  CHECK(fleet.disk.batches.size() + fleet.batches_waiting() >= fleet.batches_made());
}

TEST_CASE("fifty probes, an hour of mischief: no invariant breaks", "[sim][history]") {
  const auto [first, last] = seeds();
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    CAPTURE(seed);
    SimFleet fleet(seed, 50, kLeaves, kSpines, {.tracked_flows_per_node_max = 16});
    check_history(fleet, minutes{45}, minutes{2});
  }
}

// After each of its steps, so that it shows where two histories part.
std::vector<std::uint64_t> digests_of(std::uint64_t seed) {
  SimFleet fleet(seed, 20, kLeaves, kSpines, {.tracked_flows_per_node_max = 16});
  Mischief mischief(fleet);
  std::vector<std::uint64_t> digests;
  for (int i = 0; i < 10; ++i) {
    fleet.run(seconds{30});
    mischief.happen();
    digests.push_back(fleet.digest());
  }
  CHECK_FALSE(fleet.disk.batches.empty());
  return digests;
}

constexpr const char* kDigestMark = "the digest is ";

// Where addresses, and whatever else a process is given, are others.
std::uint64_t digest_in_another_process(std::uint64_t seed) {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").string();
  const auto command = fmt::format("FAULTLINE_SIM_SEED={} '{}' '[digest]'", seed, program);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe{::popen(command.c_str(), "r"),
                                                             &::pclose};
  REQUIRE(pipe != nullptr);
  std::string output;
  for (int byte = std::fgetc(pipe.get()); byte != EOF; byte = std::fgetc(pipe.get())) {
    output += static_cast<char>(byte);
  }
  const auto at = output.find(kDigestMark);
  CAPTURE(output);
  REQUIRE(at != std::string::npos);
  return std::stoull(output.substr(at + std::string_view(kDigestMark).size()));
}

TEST_CASE("a history follows from its seed, in whichever process it is told", "[sim][history]") {
  const auto first = digests_of(4);
  CHECK(digests_of(4) == first);
  CHECK(digest_in_another_process(4) == first.back());
  CHECK(digests_of(5).back() != first.back());
}

// What the test above asks another process; it has no other use.
TEST_CASE("the digest of a short history", "[.][digest]") {
  fmt::print("{}{}\n", kDigestMark, digests_of(seeds().first).back());
}

// Minutes and gigabytes: run by name.
TEST_CASE("a thousand probes, ten minutes of mischief: no invariant breaks", "[.][thousand]") {
  SimFleet fleet(1, 1000, kLeaves, kSpines, {.tracked_flows_per_node_max = 32});
  check_history(fleet, minutes{10}, seconds{10});
}

}  // namespace
}  // namespace faultline::sim
