#include "tests/load/source.h"

#include <algorithm>

namespace faultline::load {
namespace {

std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 32)) * 0xff51afd7ed558ccdULL;
  return value ^ (value >> 29);
}

}  // namespace

std::uint64_t digest_of(const Report& report) {
  std::uint64_t sum = 1;
  for (const FlowWindow& flow : report.flows) {
    std::uint64_t one = mixed(std::uint64_t{flow.target.value()} << 16 | flow.source_port);
    for (const std::uint64_t value :
         {std::uint64_t{flow.sent}, std::uint64_t{flow.lost_forward} << 32 | flow.lost_return,
          flow.rtt_min_ns, flow.rtt_mean_ns, flow.rtt_max_ns}) {
      one = mixed(one + value);
    }
    sum += one;
  }
  return std::max<std::uint64_t>(sum, 1);
}

Source::Source(const LoadOptions& options, WallTime base)
    : options_(options),
      base_(base),
      fabric_(options.faults.link_loss),
      reports_(options.shape, options.seed),
      rng_(options.seed + 1),
      nodes_(options.shape.nodes),
      records_(std::size_t{options.shape.nodes} * options.windows) {}

Report Source::make(std::uint32_t index, std::uint32_t window) {
  Report report = reports_.make(index + 1, start_of(window));
  for (FlowWindow& flow : report.flows) {
    fabric_.lose(index, flow.target.value() - 1, flow, rng_);
  }
  add_paths(index, window, report);
  for (FlowWindow& flow : report.flows) flow.target = nodes_[flow.target.value() - 1];
  for (TargetDelay& delay : report.delays) delay.target = nodes_[delay.target.value() - 1];
  // As probes do: by target and port.
  std::ranges::sort(report.flows, {}, [](const FlowWindow& flow) {
    return std::pair(flow.target, flow.source_port);
  });
  record_of(index, window).digest = digest_of(report);
  return report;
}

// The sessions in turn, some with each report, each in both directions.
void Source::add_paths(std::uint32_t index, std::uint32_t window, Report& report) const {
  const std::size_t sessions = report.flows.size();
  const std::size_t wanted = std::min<std::size_t>(options_.paths_per_report / 2, sessions);
  for (std::size_t i = 0; i < wanted; ++i) {
    const FlowWindow& flow = report.flows[(std::size_t{window} * wanted + i) % sessions];
    for (const auto direction : {Direction::kForward, Direction::kReturn}) {
      auto path = Fabric::path(index, flow.target.value() - 1, flow.source_port, direction,
                               report.window_start);
      path.target = nodes_[flow.target.value() - 1];
      report.paths.push_back(std::move(path));
    }
  }
}

void Source::acknowledged(std::uint32_t index, std::uint32_t window) {
  record_of(index, window).is_acknowledged = true;
}

}  // namespace faultline::load
