// Onset: when a fault began and whether it has ended, by the most likely changes of the loss rate
// across its flows.
//
// For each window: packets over the suspect, losses, and the losses that everything else on those
// ways explains. The change point is the window from which one excess rate explains the losses best
// (Page, Biometrika 1955, with the rate estimated). It is over when the losses of the windows up to
// some other one are explained so much better without those after it that chance would hardly leave
// these so clean. Thread safety: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "controller/localize/likelihood.h"

namespace faultline::localize {

struct Onset {
  std::int64_t since_s = 0;      // start of the first bad window
  std::int64_t last_seen_s = 0;  // end of the last one
  bool over = false;             // the windows after that speak against it
  // Excess rate from the first on, or between the two where it is over, as a multiple of that over
  // the whole horizon.
  double rate_ratio = 1;
  double lost_share = 0;  // of the packets that cross it meanwhile, whatever lost them
};

class OnsetFinder {
 public:
  // `set` must outlive the finder. `rows` are those inside the horizon that may cross `links`, the
  // suspects': few.
  OnsetFinder(const ObservationSet& set, std::span<const std::uint32_t> rows,
              std::span<const std::uint32_t> links);

  // `links` are the suspect's, and among those above; `own` its exponents. Empty when no
  // observation that crosses it has a time.
  [[nodiscard]] std::optional<Onset> find(const Likelihood& likelihood,
                                          std::span<const std::uint32_t> links,
                                          Exponents own) const;

 private:
  // Windows of flows on one way there and back.
  struct Trip {
    RouteIndex forward;
    RouteIndex back;
    std::vector<std::uint32_t> rows;
  };
  struct Window;

  void index_links(std::uint32_t trip, RouteIndex route);
  [[nodiscard]] std::vector<Window> windows(const Likelihood& likelihood,
                                            std::span<const std::uint32_t> links,
                                            Exponents own) const;

  const ObservationSet& set_;
  std::vector<std::uint8_t> is_wanted_;  // by link
  std::vector<Trip> trips_;
  std::vector<std::vector<std::uint32_t>> trips_by_link_;
};

}  // namespace faultline::localize
