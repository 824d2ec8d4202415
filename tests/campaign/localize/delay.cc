#include "tests/campaign/localize/delay.h"

#include <algorithm>
#include <cmath>

namespace faultline::campaign {
namespace {

// Links within a site: some meters of fiber and a switch's pipeline; those above the first tier run
// between halls. They differ from each other by a microsecond or two.
constexpr double kHostLinkUs = 2;
constexpr double kFabricLinkUs = 6;
constexpr double kLinkScatterUs = 1;
// Everyday queueing: the mean is log-normal over links, so that a few healthy ones queue 20 us.
constexpr double kQueueMedianUs = 1.5;
constexpr double kQueueSigma = 0.8;
// Hosts: stacks of 5 to 40 us, clocks that agree to about 50 us, spikes of 100 us once in 200.
constexpr double kStackMinUs = 5;
constexpr double kStackMaxUs = 40;
constexpr double kStackJitterUs = 3;
constexpr double kClockSigmaUs = 50;
constexpr double kSpikeChance = 0.005;
constexpr double kSpikeUs = 100;
constexpr double kLoadSigma = 0.7;
// More packets than this in one window are represented by so many.
constexpr std::uint64_t kSamplesMax = 100;

double between(Rng& rng, double low, double high) { return low + (high - low) * uniform(rng); }

// Nearest rank, as probes report it.
float quantile(std::vector<float>& samples, double share) {
  const auto rank = static_cast<std::size_t>(
      std::max(1.0, std::ceil(share * static_cast<double>(samples.size()))));
  const auto it = samples.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::ranges::nth_element(samples, it);
  return *it;
}

}  // namespace

DelayModel::DelayModel(const Fabric& fabric, std::uint64_t seed)
    : fabric_(fabric),
      rng_(seed ^ 0x6465'6c61'79'00),
      links_(fabric.links.size()),
      hosts_(fabric.devices.size()) {
  for (std::size_t i = 0; i < links_.size(); ++i) {
    links_[i].base_us =
        (fabric.links[i].host ? kHostLinkUs : kFabricLinkUs) + kLinkScatterUs * std::abs(normal());
    links_[i].queue_us = kQueueMedianUs * std::exp(kQueueSigma * normal());
  }
  for (const std::uint32_t host : fabric.hosts) {
    hosts_[host] = {between(rng_, kStackMinUs, kStackMaxUs), kClockSigmaUs * normal()};
  }
}

void DelayModel::congest(std::uint32_t link, double busy, double queue_us) {
  links_[link].busy = busy;
  links_[link].busy_queue_us = queue_us;
}

void DelayModel::congest(std::uint32_t link) {
  const double busy = between(rng_, 0.08, 0.5);
  congest(link, busy, between(rng_, 80, 400));
}

void DelayModel::next_window() {
  for (LinkDelay& link : links_) {
    if (link.busy > 0) link.load = std::exp(kLoadSigma * normal() - kLoadSigma * kLoadSigma / 2);
  }
}

localize::Delay DelayModel::measure(const Hops& there, const Hops* back, std::uint64_t packets) {
  localize::Delay delay;
  if (packets == 0) return delay;
  Way way;
  follow(there, way);
  if (back != nullptr) follow(*back, way);
  samples_.clear();
  for (std::uint64_t i = 0; i < std::min(packets, kSamplesMax); ++i) {
    samples_.push_back(static_cast<float>(draw(way)));
  }
  delay.min_us = *std::ranges::min_element(samples_);
  delay.p50_us = quantile(samples_, 0.5);
  delay.p95_us = quantile(samples_, 0.95);
  delay.p99_us = quantile(samples_, 0.99);
  return delay;
}

void DelayModel::follow(const Hops& hops, Way& way) const {
  const HostDelay& from = hosts_[hops.front()];
  const HostDelay& to = hosts_[hops.back()];
  way.fixed_us += from.stack_us + to.stack_us + to.clock_us - from.clock_us;
  for (std::size_t i = 1; i < hops.size(); ++i) {
    const std::uint32_t index = fabric_.link(hops[i - 1], hops[i]);
    way.fixed_us += links_[index].base_us;
    way.queue_us += links_[index].queue_us;
    if (links_[index].busy > 0) way.busy.push_back(index);
  }
}

double DelayModel::draw(const Way& way) {
  double delay = way.fixed_us + exponential(kStackJitterUs) + exponential(way.queue_us);
  if (uniform(rng_) < kSpikeChance) delay += exponential(kSpikeUs);
  for (const std::uint32_t index : way.busy) {
    const LinkDelay& link = links_[index];
    if (uniform(rng_) < std::min(0.95, link.busy * link.load)) {
      delay += exponential(link.busy_queue_us);
    }
  }
  return delay;
}

double DelayModel::exponential(double mean) { return -mean * std::log(1 - uniform(rng_)); }

// Box and Muller, so that the draws are the same on every library.
double DelayModel::normal() {
  const double radius = std::sqrt(-2 * std::log(1 - uniform(rng_)));
  return radius * std::cos(6.283185307179586 * uniform(rng_));
}

}  // namespace faultline::campaign
