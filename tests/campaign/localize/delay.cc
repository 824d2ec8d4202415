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

double exponential(Rng& rng, double mean) { return -mean * std::log(1 - uniform(rng)); }

// Box and Muller, so that the draws are the same on every library.
double normal(Rng& rng) {
  const double radius = std::sqrt(-2 * std::log(1 - uniform(rng)));
  return radius * std::cos(6.283185307179586 * uniform(rng));
}

}  // namespace

DelayModel::DelayModel(const Fabric& fabric, Rng& rng)
    : links_(fabric.links.size()), hosts_(fabric.devices.size()) {
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const Fabric::Link& link = fabric.links[i];
    links_[i].from = link.from;
    links_[i].to = link.to;
    links_[i].base_us =
        (link.host ? kHostLinkUs : kFabricLinkUs) + kLinkScatterUs * std::abs(normal(rng));
    links_[i].queue_us = kQueueMedianUs * std::exp(kQueueSigma * normal(rng));
  }
  for (const std::uint32_t host : fabric.hosts) {
    hosts_[host] = {between(rng, kStackMinUs, kStackMaxUs), kClockSigmaUs * normal(rng)};
  }
}

void DelayModel::congest(std::uint32_t link, double busy, double queue_us) {
  links_[link].busy = busy;
  links_[link].busy_queue_us = queue_us;
}

void DelayModel::congest(std::uint32_t link, Rng& rng) {
  const double busy = between(rng, 0.08, 0.5);
  congest(link, busy, between(rng, 80, 400));
}

void DelayModel::next_window(Rng& rng) {
  for (LinkDelay& link : links_) {
    if (link.busy > 0) {
      link.load = std::exp(kLoadSigma * normal(rng) - kLoadSigma * kLoadSigma / 2);
    }
  }
}

localize::Delay DelayModel::measure(const Way& there, const Way& back, std::uint64_t packets,
                                    Rng& rng) const {
  localize::Delay delay;
  if (packets == 0) return delay;
  Course course;
  follow(there, course);
  if (!back.empty()) follow(back, course);
  std::vector<float> samples;
  for (std::uint64_t i = 0; i < std::min(packets, kSamplesMax); ++i) {
    samples.push_back(static_cast<float>(draw(course, rng)));
  }
  delay.min_us = *std::ranges::min_element(samples);
  delay.p50_us = quantile(samples, 0.5);
  delay.p95_us = quantile(samples, 0.95);
  delay.p99_us = quantile(samples, 0.99);
  return delay;
}

void DelayModel::follow(const Way& way, Course& course) const {
  const HostDelay& from = hosts_[links_[way.front()].from];
  const HostDelay& to = hosts_[links_[way.back()].to];
  course.fixed_us += from.stack_us + to.stack_us + to.clock_us - from.clock_us;
  for (const std::uint32_t link : way) {
    course.fixed_us += links_[link].base_us;
    course.queue_us += links_[link].queue_us;
    if (links_[link].busy > 0) course.busy.push_back(link);
  }
}

double DelayModel::draw(const Course& course, Rng& rng) const {
  double delay =
      course.fixed_us + exponential(rng, kStackJitterUs) + exponential(rng, course.queue_us);
  if (uniform(rng) < kSpikeChance) delay += exponential(rng, kSpikeUs);
  for (const std::uint32_t index : course.busy) {
    const LinkDelay& link = links_[index];
    if (uniform(rng) < std::min(0.95, link.busy * link.load)) {
      delay += exponential(rng, link.busy_queue_us);
    }
  }
  return delay;
}

}  // namespace faultline::campaign
