#include "tests/sim/fleet.h"

#include <algorithm>

#include <fmt/format.h>

#include "tests/sim/controller.h"
#include "tests/sim/probe.h"

namespace faultline::sim {

SimFleet::SimFleet(std::uint64_t seed, std::uint32_t hosts, std::uint32_t leaves,
                   std::uint32_t spines, Options wanted)
    : options(wanted), rng(seed), fabric(leaves, spines) {
  start_controller();
  for (std::uint32_t host = 1; host <= hosts; ++host) {
    controller->handle(core::CreateToken{.request = host, .token = {.key = token_key(host)}});
  }
  clock.run(std::chrono::seconds{1});
  for (std::uint32_t host = 1; host <= hosts; ++host) {
    probes.push_back(std::make_unique<SimProbe>(*this, host));
  }
}

SimFleet::~SimFleet() = default;

void SimFleet::crash_controller() {
  controller.reset();
  for (auto& probe : probes) probe->cut();
}

void SimFleet::start_controller() { controller = std::make_unique<SimController>(*this); }

void SimFleet::cut_connection(std::size_t probe) { probes[probe]->cut(); }

void SimFleet::stop_probe(std::size_t probe) { probes[probe]->stop(); }

void SimFleet::kill_probe(std::size_t probe) { probes[probe]->kill(); }

void SimFleet::start_probe(std::size_t probe) { probes[probe]->start(); }

void SimFleet::switch_off(std::uint32_t host) {
  if (probe_at(host)->is_running()) kill_probe(host - 1);
  outages_.push_back({.host = host, .from = clock.wall()});
}

void SimFleet::switch_on(std::uint32_t host) {
  end_outage(host);
  start_probe(host - 1);
}

void SimFleet::cut_uplink(std::uint32_t host, Way way) {
  outages_.push_back({.host = host, .from = clock.wall(), .way = way});
  if (way != Way::kMeasured) cut_connection(host - 1);
}

void SimFleet::mend_uplink(std::uint32_t host) { end_outage(host); }

void SimFleet::end_outage(std::uint32_t host) {
  for (auto& outage : outages_) {
    if (outage.host == host) outage.until = std::min(outage.until, clock.wall());
  }
}

bool SimFleet::passes(std::uint32_t from, std::uint32_t to, WallTime time) const {
  return std::ranges::none_of(outages_, [&](const Outage& outage) {
    return (outage.host == from || outage.host == to) && outage.way != Way::kController &&
           outage.from <= time && time < outage.until;
  });
}

bool SimFleet::reaches_controller(std::uint32_t host) const {
  return std::ranges::none_of(outages_, [&](const Outage& outage) {
    return outage.host == host && outage.way != Way::kMeasured && clock.wall() < outage.until;
  });
}

void SimFleet::add_host() {
  const auto host = static_cast<std::uint32_t>(probes.size()) + 1;
  controller->handle(core::CreateToken{.request = host, .token = {.key = token_key(host)}});
  clock.run(std::chrono::seconds{1});
  probes.push_back(std::make_unique<SimProbe>(*this, host));
}

void SimFleet::remove_host(std::uint32_t host) {
  kill_probe(host - 1);
  controller->handle(core::RemoveNode{.request = host, .name = "h" + std::to_string(host)});
}

SimProbe* SimFleet::probe_at(std::uint32_t host) {
  return host >= 1 && host <= probes.size() ? probes[host - 1].get() : nullptr;
}

bool SimFleet::every_plan_is_current() const {
  return controller != nullptr && std::ranges::all_of(probes, [&](const auto& probe) {
           const auto& plan = probe->core().plan().current();
           // One whose content did not change keeps its revision.
           return plan != nullptr &&
                  std::ranges::count(controller->core().plans().plans, *plan) == 1;
         });
}

std::size_t SimFleet::batches_waiting() const {
  std::size_t waiting = 0;
  for (const auto& probe : probes) waiting += probe->waiting();
  return waiting;
}

std::size_t SimFleet::batches_made() const {
  std::size_t made = 0;
  for (const auto& probe : probes) made += probe->made();
  return made;
}

std::size_t SimFleet::batches_acknowledged() const {
  std::size_t acknowledged = 0;
  for (const auto& probe : probes) acknowledged += probe->acknowledged().size();
  return acknowledged;
}

void SimFleet::digest_figures(Digest& digest) const {
  for (const auto& window : judged) {
    digest.mix(fmt::format("{} {} {}", unix_nanoseconds(window.window_start), window.nodes_expected,
                           window.nodes_reported));
  }
  for (const auto& probe : probes) {
    digest.mix(fmt::format("{} {}", probe->waiting(), probe->made()));
    for (const auto& [node, boot, sequence] : probe->acknowledged()) {
      digest.mix(fmt::format("{} {} {}", node, boot, sequence));
    }
  }
  if (controller == nullptr) return;
  digest.mix_numbers(controller->core().counters());
  digest.mix_numbers(controller->core().intake_counters());
  digest.mix_numbers(controller->core().incidents().counters());
}

std::uint64_t SimFleet::digest() const {
  Digest digest = happened;
  for (const auto& [name, value] : disk.documents) {
    digest.mix(name.second);
    digest.mix(value);
  }
  for (const auto& [name, write] : disk.batches) {
    digest.mix(fmt::format("{} {} {} {}", std::get<0>(name), std::get<1>(name), std::get<2>(name),
                           unix_nanoseconds(write.window_start)));
    digest.mix(write.batch.payload);
  }
  for (const auto& [reporter, path] : disk.paths) {
    digest.mix(fmt::format("{} {} {} {}", reporter.value(), path.target.value(), path.source_port,
                           unix_nanoseconds(path.traced_at)));
  }
  for (const auto& alert : alerts) {
    digest.mix(fmt::format("{} {} {} {}", alert.incident, alert.event, alert.summary,
                           alert.at.time_since_epoch().count()));
  }
  digest_figures(digest);
  return digest.value();
}

std::vector<BatchName> SimFleet::acknowledged_but_lost() const {
  std::vector<BatchName> lost;
  for (const auto& probe : probes) {
    for (const auto& name : probe->acknowledged()) {
      if (!disk.batches.contains(name)) lost.push_back(name);
    }
  }
  return lost;
}

}  // namespace faultline::sim
