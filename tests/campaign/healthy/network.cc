#include "tests/campaign/healthy/network.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

namespace faultline::healthy {
namespace {

constexpr std::uint32_t kHosts = 0x0a010000;      // 10.1.0.0, host n is that plus n
constexpr std::uint32_t kHostPorts = 0x0a020000;  // a leaf answers a host from here
constexpr std::uint32_t kLinks = 0x0a030000;      // /31 per leaf and spine
constexpr double kDaySeconds = 86'400;

constexpr double kBusyShare = 0.08;  // of the links
constexpr double kWeekendShare = 0.6;
constexpr double kUseMax = 0.97;
constexpr double kNearFull = 0.9;
constexpr double kNearFullLoss = 1e-4;
// A queue of one server, with bursts of several packets: mean delay = kBurstUs u / (1 - u).
constexpr double kBurstUs = 12;
constexpr double kMicroburstsPerDay = 4;
constexpr double kMicroburstLossMin = 0.003;
constexpr double kMicroburstLossMax = 0.02;
constexpr double kCongestionsPerDay = 2;  // of a busy link, while it is near to full
constexpr double kCongestionLossMax = 0.001;
constexpr Duration kCongestionMin = std::chrono::minutes{1};
constexpr Duration kCongestionMax = std::chrono::minutes{12};
constexpr Duration kRemembered = std::chrono::minutes{10};

topology::Interface interface_at(const IpAddress& address) {
  return {.name = {}, .address = address, .peer_device = {}, .peer_interface = {}};
}

double between(Rng& rng, double least, double most) {
  return least + (most - least) * uniform(rng);
}

std::uint32_t v4_of_link(std::uint32_t leaf, std::uint32_t spine, std::uint32_t spines,
                         bool at_spine) {
  return kLinks + 2 * (leaf * spines + spine) + (at_spine ? 1 : 0);
}

}  // namespace

std::uint32_t draw_lost(std::uint32_t count, double rate, Rng& rng) {
  const double drawn = uniform(rng);
  // Mostly none: the chance of any is at most count * rate.
  if (drawn >= count * rate) return 0;
  double chance = std::pow(1 - rate, count);  // of none; the inverse of the binomial from there
  double rest = 1 - drawn;
  std::uint32_t lost = 0;
  while (rest > chance && lost < count) {
    rest -= chance;
    chance *= (count - lost) * rate / ((lost + 1) * (1 - rate));
    ++lost;
  }
  return lost;
}

Network::Network(const Options& options, std::uint64_t seed) : options_(options), rng_(seed) {
  links_.resize(1 + 2 * std::size_t{options.leaves} * options.spines);
  for (std::uint32_t leaf = 0; leaf < options.leaves; ++leaf) {
    for (std::uint32_t spine = 0; spine < options.spines; ++spine) {
      links_[up(leaf, spine)].name = fmt::format("leaf{}>spine{}", leaf + 1, spine + 1);
      links_[down(spine, leaf)].name = fmt::format("spine{}>leaf{}", spine + 1, leaf + 1);
    }
  }
  for (auto& link : links_) {
    if (link.name.empty()) continue;
    link.is_busy = uniform(rng_) < kBusyShare;
    link.base = between(rng_, 0.1, 0.35) + (link.is_busy ? 0.2 : 0);
    link.swing = between(rng_, 0.1, 0.4) + (link.is_busy ? 0.2 : 0);
    link.phase_s = between(rng_, -2, 2) * 3600;
  }
}

IpAddress Network::host_address(std::uint32_t host) { return IpAddress::v4(kHosts + host); }

std::uint32_t Network::host_at(const IpAddress& address) {
  return address.v4_host_order() - kHosts;
}

std::string Network::rack(std::uint32_t host) const {
  return fmt::format("leaf{}", leaf_of(host) + 1);
}

topology::Inventory Network::inventory() const {
  topology::Inventory inventory;
  const auto device = [&](const char* tier, std::uint32_t number) -> topology::Device& {
    return inventory.devices.emplace_back(
        topology::Device{.name = fmt::format("{}{}", tier, number + 1),
                         .kind = topology::DeviceKind::kSwitch,
                         .tier = tier,
                         .interfaces = {}});
  };
  const auto link_end = [&](std::uint32_t leaf, std::uint32_t spine, bool at_spine) {
    return interface_at(IpAddress::v4(v4_of_link(leaf, spine, options_.spines, at_spine)));
  };
  for (std::uint32_t leaf = 0; leaf < options_.leaves; ++leaf) {
    auto& interfaces = device("leaf", leaf).interfaces;
    interfaces.push_back(interface_at(IpAddress::v4(kHostPorts + 2 * leaf)));
    for (std::uint32_t spine = 0; spine < options_.spines; ++spine) {
      interfaces.push_back(link_end(leaf, spine, false));
    }
  }
  for (std::uint32_t spine = 0; spine < options_.spines; ++spine) {
    auto& interfaces = device("spine", spine).interfaces;
    for (std::uint32_t leaf = 0; leaf < options_.leaves; ++leaf) {
      interfaces.push_back(link_end(leaf, spine, true));
    }
  }
  return inventory;
}

std::uint32_t Network::spine_of(std::uint32_t from, std::uint32_t to, std::uint16_t port) const {
  const std::uint64_t mixed =
      (std::uint64_t{from} << 40 ^ std::uint64_t{to} << 20 ^ port) * 0x9e3779b97f4a7c15ULL;
  return static_cast<std::uint32_t>((mixed >> 33) % options_.spines);
}

std::vector<Hop> Network::hops(std::uint32_t from, std::uint32_t to, std::uint16_t port) const {
  const auto first = leaf_of(from);
  const auto last = leaf_of(to);
  const Hop entry{IpAddress::v4(kHostPorts + 2 * first)};
  if (first == last) return {entry};
  const auto spine = spine_of(from, to, port);
  return {entry,
          {IpAddress::v4(v4_of_link(first, spine, options_.spines, true))},
          {IpAddress::v4(v4_of_link(last, spine, options_.spines, false))}};
}

Way Network::way(std::uint32_t from, std::uint32_t to, std::uint16_t port) const {
  const auto first = leaf_of(from);
  const auto last = leaf_of(to);
  if (first == last) return {};
  const auto spine = spine_of(from, to, port);
  return {up(first, spine), down(spine, last)};
}

void Network::advance(WallTime window_start, Duration window) {
  const auto seconds = static_cast<double>(unix_seconds(window_start));
  const double day_of_week = std::fmod(seconds / kDaySeconds + 4, 7);  // the epoch was a Thursday
  const double week = day_of_week >= 6 || day_of_week < 1 ? kWeekendShare : 1;
  const double windows_per_day = kDaySeconds / std::chrono::duration<double>(window).count();
  for (auto& link : links_) {
    if (link.name.empty()) continue;
    const double hour = 2 * std::numbers::pi * (seconds + link.phase_s) / kDaySeconds;
    const double use = std::clamp(
        link.base + week * link.swing * (0.5 - 0.5 * std::cos(hour)) + between(rng_, -0.05, 0.05),
        0.02, kUseMax);
    link.queue_us = kBurstUs * use / (1 - use);
    link.loss = use > kNearFull ? kNearFullLoss * (use - kNearFull) / (kUseMax - kNearFull) : 0;
    if (link.is_busy && use > 0.85 && window_start > link.congested_until &&
        uniform(rng_) < 4 * kCongestionsPerDay / windows_per_day) {  // that full 6 h a day
      ++counters_.congestions;
      link.congested_until =
          window_start + kCongestionMin +
          std::chrono::duration_cast<Duration>((kCongestionMax - kCongestionMin) * uniform(rng_));
      link.congested_loss = between(rng_, 0.1, 1) * kCongestionLossMax;
      link.congested_us = between(rng_, 500, 4000);
      note(window_start, fmt::format("{} is congested until {}: {:.3f} % lost, {:.0f} us late",
                                     link.name, format_rfc3339(link.congested_until),
                                     100 * link.congested_loss, link.congested_us));
    }
    if (window_start <= link.congested_until) {
      link.queue_us += link.congested_us * between(rng_, 0.5, 1.5);
      link.loss += link.congested_loss;
    }
    if (uniform(rng_) < kMicroburstsPerDay / windows_per_day) {
      ++counters_.microbursts;
      const double loss = between(rng_, kMicroburstLossMin, kMicroburstLossMax);
      link.loss += loss;
      link.queue_us += 300;
      note(window_start, fmt::format("{} has a microburst: {:.2f} % lost", link.name, 100 * loss));
    }
  }
}

void Network::note(WallTime at, std::string text) {
  std::erase_if(notes_, [&](const Note& it) { return it.at < at - kRemembered; });
  notes_.push_back({at, std::move(text)});
}

std::vector<std::string> Network::recent(WallTime now) const {
  std::vector<std::string> texts;
  for (const auto& [at, text] : notes_) {
    if (at >= now - kRemembered) texts.push_back(format_rfc3339(at) + " " + text);
  }
  return texts;
}

}  // namespace faultline::healthy
