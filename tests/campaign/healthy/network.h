// Network: a healthy leaf-spine fabric that is not perfect. What a way loses and how late it is, in
// each window.
//
// Why it exists: silence is easy where nothing is ever lost. The noise, all of it what operators
// call normal:
//   background    1e-4 of all packets, on any way
//   diurnal load  every link's use follows the day and the week; queues grow with it, and where a
//                 busy link comes near to full it loses up to 1e-4 more
//   congestion    a busy link fills for some minutes at its peak: milliseconds late, and it loses
//                 up to 0.1 %
//   microbursts   a link loses up to 2 % for less than a window
//
// Thread safety: none. Everything follows from the seed.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/base/time.h"
#include "common/model/path.h"
#include "controller/topology/inventory.h"

namespace faultline::healthy {

// The directed links of one way, as indexes; unused ones name kNoLink.
inline constexpr std::size_t kLinksMax = 4;
using Way = std::array<std::uint32_t, kLinksMax>;
inline constexpr std::uint32_t kNoLink = 0;

class Network {
 public:
  struct Options {
    std::uint32_t hosts = 50;  // numbered from 1, dealt out to the leaves in turn
    std::uint32_t leaves = 5;
    std::uint32_t spines = 4;
    double background = 1e-4;
  };
  Network(const Options& options, std::uint64_t seed);

  [[nodiscard]] static IpAddress host_address(std::uint32_t host);
  [[nodiscard]] static std::uint32_t host_at(const IpAddress& address);
  [[nodiscard]] std::string rack(std::uint32_t host) const;
  [[nodiscard]] topology::Inventory inventory() const;
  // Routers in order of travel from `from` to `to`.
  [[nodiscard]] std::vector<Hop> hops(std::uint32_t from, std::uint32_t to,
                                      std::uint16_t port) const;
  [[nodiscard]] Way way(std::uint32_t from, std::uint32_t to, std::uint16_t port) const;

  // The links as they are in the window that begins then; windows in ascending order.
  void advance(WallTime window_start, Duration window);
  [[nodiscard]] double loss(const Way& way) const {
    double sum = options_.background;
    for (const auto link : way) sum += links_[link].loss;
    return sum;
  }
  // Of queues, on average.
  [[nodiscard]] double queue_us(const Way& way) const {
    double sum = 0;
    for (const auto link : way) sum += links_[link].queue_us;
    return sum;
  }

  struct Counters {
    std::uint64_t microbursts = 0;
    std::uint64_t congestions = 0;
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }
  // What happened to links in the last minutes, for whoever asks why.
  [[nodiscard]] std::vector<std::string> recent(WallTime now) const;

 private:
  struct Link {
    std::string name;
    double base = 0;       // use in the small hours
    double swing = 0;      // what the day adds
    double phase_s = 0;    // of its day
    bool is_busy = false;  // one of the few that come near to full
    WallTime congested_until{};
    double congested_loss = 0;
    double congested_us = 0;
    // In the present window:
    double loss = 0;
    double queue_us = 0;
  };
  struct Note {
    WallTime at;
    std::string text;
  };

  [[nodiscard]] std::uint32_t leaf_of(std::uint32_t host) const {
    return (host - 1) % options_.leaves;
  }
  [[nodiscard]] std::uint32_t spine_of(std::uint32_t from, std::uint32_t to,
                                       std::uint16_t port) const;
  [[nodiscard]] std::uint32_t up(std::uint32_t leaf, std::uint32_t spine) const {
    return 1 + leaf * options_.spines + spine;
  }
  [[nodiscard]] std::uint32_t down(std::uint32_t spine, std::uint32_t leaf) const {
    return 1 + (options_.leaves + leaf) * options_.spines + spine;
  }
  void note(WallTime at, std::string text);

  Options options_;
  Rng rng_;
  std::vector<Link> links_;  // links_[kNoLink] is none
  Counters counters_;
  std::vector<Note> notes_;
};

// How many of `count` packets are lost at that rate.
[[nodiscard]] std::uint32_t draw_lost(std::uint32_t count, double rate, Rng& rng);

}  // namespace faultline::healthy
