// Likelihood: log P(losses | loss exponents), as the sum over links along each way a flow may have
// gone.
//
// A link has two exponents. `loss` is lambda = -log(1 - q) for packets lost independently: a flow
// whose exponents sum to x loses d of n packets with d log(1 - e^-x) - (n - d) x, concave in lambda
// (Caceres et al., 1999). `dead` is the same for whole flows: the share of 5-tuples that a black
// hole swallows. A flow of unknown path is a mixture over its ways (Flock, CoNEXT 2023), and every
// lossy flow keeps a small chance of a reason of its own, so that one odd flow cannot accuse
// anybody.
//
// Thread safety: none.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "controller/localize/column.h"
#include "controller/localize/problem.h"

namespace faultline::localize {

struct Exponents {
  double loss = 0;
  double dead = 0;

  bool operator==(const Exponents&) const = default;
};

class Likelihood {
 public:
  // Of use from the first set_background() on.
  explicit Likelihood(const Problem& problem);

  void set_background(std::span<const double> loss_by_link);
  // Adds to the exponents of each link; a negative amount takes back what was added before.
  void add(std::span<const std::uint32_t> links, Exponents amount);

  // The flows that cross a set of links, whatever the exponents are.
  struct Footprint {
    struct Way {
      std::uint32_t way = 0;
      std::uint32_t crossings = 0;
    };
    struct Record {
      std::uint32_t record = 0;
      std::uint32_t first = 0;  // into ways
      std::uint32_t count = 0;
    };
    double clean_packets = 0;  // of flows on known ways
    double clean_flows = 0;
    std::uint32_t lossy_flows = 0;
    std::uint32_t dead_flows = 0;
    std::vector<Record> records;
    std::vector<Way> ways;
  };
  void footprint(std::span<const std::uint32_t> links, Footprint& result);
  // The same without clean flows of unknown path. Its gain is an upper bound, and much cheaper.
  void lossy_footprint(std::span<const std::uint32_t> links, Footprint& result);
  // What they say about one exponent of these links, as long as all exponents stay as they are.
  void column(const Footprint& footprint, FaultMode mode, Column& result) const;

  // For the background estimate: how the losses of a record are shared by the links of a way.
  struct WayView {
    std::span<const std::uint32_t> links;
    double probability = 0;  // that the record went this way and has no reason of its own
    double prior = 0;        // that it went this way, before its losses are looked at
    Exponents exponents;
  };
  template <typename Visitor>
  void visit_ways(Visitor visit) const;

  [[nodiscard]] std::size_t record_count() const { return records_.size(); }
  [[nodiscard]] std::span<const std::uint32_t> links_of_way(std::uint32_t way) const {
    return problem_.links_of(ways_[way].path);
  }
  [[nodiscard]] std::uint32_t first_way(std::uint32_t record) const {
    return records_[record].first_way;
  }
  [[nodiscard]] std::uint32_t way_count(std::uint32_t record) const {
    return records_[record].way_count;
  }
  // Its part of the record's likelihood.
  [[nodiscard]] double share(std::uint32_t way) const { return ways_[way].share; }
  // 1 / (e^x - 1) for the exponent x of a way.
  [[nodiscard]] double odds(std::uint32_t way) const { return ways_[way].odds; }
  // The part of a record's likelihood that it has for a reason of its own.
  [[nodiscard]] double own_share(std::uint32_t record) const { return records_[record].own_share; }
  // The most that any change of exponents can add to the log-likelihood of a record.
  [[nodiscard]] double gain_bound(std::uint32_t record) const;
  // At most so much does it gain when every way it may have gone swallows it; 0 for most.
  [[nodiscard]] double dead_bound(std::uint32_t record) const;
  [[nodiscard]] const std::vector<double>& background() const { return background_; }
  [[nodiscard]] Exponents exponents(std::uint32_t link) const { return links_[link]; }

 private:
  struct Way {
    std::uint32_t record = 0;
    std::uint32_t path = 0;
    double log_weight = 0;
    double x = 0;      // sum of loss exponents
    double sigma = 0;  // sum of dead exponents
    double odds = 0;
    double alive = 0;      // shares of the record's likelihood: not swallowed,
    double swallowed = 0;  // and swallowed, were that certain
    double share = 0;      // of both, as things are
  };
  struct Record {
    std::uint32_t first_way = 0;
    std::uint32_t way_count = 0;
    double log_own_reason = 0;  // of losing just so many for a reason of its own
    double log_total = 0;
    double own_share = 0;
  };

  struct Odds {
    double x = -1;
    double odds = 0;
    double log_odds_up = 0;  // log(1 + odds), which is -log(1 - e^-x)
  };

  void index_links();
  void refresh(std::uint32_t record);
  void refresh_one_way(std::uint32_t record);
  const Odds& odds_of(double x);
  void gather(std::span<const std::uint32_t> links, std::uint32_t ways_end, Footprint& result);
  void add_record(std::uint32_t record, Footprint& result);
  [[nodiscard]] std::span<const std::uint32_t> ways_over(std::uint32_t link) const {
    return {link_ways_.data() + link_first_[link], link_first_[link + 1] - link_first_[link]};
  }

  const Problem& problem_;
  std::vector<Exponents> links_;
  std::vector<Way> ways_;
  std::vector<Record> records_;
  std::vector<std::uint32_t> link_first_;
  std::vector<std::uint32_t> link_ways_;  // a way that crosses a link twice is there twice
  std::vector<double> background_;
  std::array<Odds, 64> odds_{};           // those last asked for, by hash
  std::vector<std::uint32_t> crossings_;  // by way: scratch, all 0 between calls
  std::vector<std::uint8_t> is_touched_;  // by record: likewise
  std::vector<std::uint32_t> touched_;
};

template <typename Visitor>
void Likelihood::visit_ways(Visitor visit) const {
  for (const Way& way : ways_) {
    visit(
        problem_.active[way.record],
        WayView{
            problem_.links_of(way.path), way.share, std::exp(way.log_weight), {way.x, way.sigma}});
  }
}

}  // namespace faultline::localize
