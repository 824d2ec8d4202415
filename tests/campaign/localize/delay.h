// Delays of the campaign's packets: what every scenario's flows measure besides loss.
//
// Why it exists: the localizer tells congestion from corruption by delay, so a scenario without
// realistic delays would judge it on data that no network produces. The model, per packet:
//
//   one way = clock offset of the receiver less that of the sender + stacks of both hosts
//           + per link: its base delay, its light queueing, and its share of congestion or slowness
//
// Stacks have jitter and now and then a scheduling spike; every healthy link carries some load of
// its own. A congested link is busy for a share of the time and then queues exponentially, which
// moves p95 first and p50 only when it is busy half of the time. A corrupting link adds nothing. A
// slow link adds the same to every packet. Quantiles are those of the packets that arrived.
//
// Draws from a generator of its own, so that a scenario's losses are the same with and without
// delays. Thread safety: const functions from any thread. Units: microseconds.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/random.h"
#include "controller/localize/observation_set.h"
#include "tests/campaign/localize/fabric.h"

namespace faultline::campaign {

class DelayModel {
 public:
  DelayModel() = default;
  DelayModel(const Fabric& fabric, Rng& rng);

  // Every packet over the link takes `added_us` longer.
  void slow(std::uint32_t link, double added_us) { links_[link].base_us += added_us; }
  // The link is congested for a share `busy` of the time, with a mean queue of `queue_us` then.
  void congest(std::uint32_t link, double busy, double queue_us);
  // The same with both drawn from what is common: busy for .08 to .5, queues of 80 to 400 us.
  void congest(std::uint32_t link, Rng& rng);
  // Load comes and goes: draws how busy each congested link is in this window, as a multiple of its
  // mean (log-normal, sigma .7). A scenario without windows never calls it: 1 throughout.
  void next_window(Rng& rng);
  // That multiple, which its loss follows too; 1 for other links.
  [[nodiscard]] double load(std::uint32_t link) const { return links_[link].load; }

  // Of `packets` that went `there` and, unless that is empty, came `back`. No packets: not
  // measured.
  [[nodiscard]] localize::Delay measure(const Way& there, const Way& back, std::uint64_t packets,
                                        Rng& rng) const;

 private:
  struct LinkDelay {
    double base_us = 0;
    double queue_us = 0;  // mean of its everyday queueing
    double busy = 0;      // share of the time that it is congested
    double busy_queue_us = 0;
    double load = 1;
    std::uint32_t from = 0;  // devices
    std::uint32_t to = 0;
  };
  struct HostDelay {
    double stack_us = 0;
    double clock_us = 0;
  };

  // Everything of a way that is the same for each packet, and where it may queue.
  struct Course {
    double fixed_us = 0;
    double queue_us = 0;
    std::vector<std::uint32_t> busy;
  };

  void follow(const Way& way, Course& course) const;
  [[nodiscard]] double draw(const Course& course, Rng& rng) const;

  std::vector<LinkDelay> links_;
  std::vector<HostDelay> hosts_;  // by device
};

}  // namespace faultline::campaign
