#include "controller/localize/likelihood.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace faultline::localize {
namespace {

// That a flow loses packets for a reason no component explains (a filter, a restart, a stray
// burst).
constexpr double kOwnReason = 1e-4;
// Keeps log(1 - e^-x) finite; far below any real background.
constexpr double kExponentMin = 1e-9;

double log_binomial(double n, double k) {
  return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1);
}

double log_lost(double lost, double sent, double x) {
  if (lost == 0) return -sent * x;
  const double safe = std::max(x, kExponentMin);
  return lost * std::log(-std::expm1(-safe)) - (sent - lost) * safe;
}

double log_sum(double a, double b) {
  const double high = std::max(a, b);
  return high + std::log1p(std::exp(std::min(a, b) - high));
}

}  // namespace

Likelihood::Likelihood(const Problem& problem)
    : problem_(problem), links_(problem.crossed.size()), background_(problem.crossed.size()) {
  records_.reserve(problem.active.size());
  for (std::uint32_t i = 0; i < problem.active.size(); ++i) {
    const ActiveRecord& flow = problem.active[i];
    const auto arms = problem.arms_of(flow.route);
    Record& record = records_.emplace_back();
    record.first_way = static_cast<std::uint32_t>(ways_.size());
    record.way_count = static_cast<std::uint32_t>(arms.size());
    // Of all loss rates alike: 1 / (n + 1) for each number of losses, any of the C(n, d) orders.
    record.log_own_reason = flow.lost == 0 ? -std::numeric_limits<double>::infinity()
                                           : std::log(kOwnReason) - std::log(flow.sent + 1) -
                                                 log_binomial(flow.sent, flow.lost);
    for (const Arm& arm : arms) ways_.push_back({i, arm.path, arm.log_weight});
  }
  index_links();
  for (std::uint32_t i = 0; i < records_.size(); ++i) refresh(i);
}

void Likelihood::index_links() {
  link_first_.assign(links_.size() + 1, 0);
  for (const Way& way : ways_) {
    for (const std::uint32_t link : problem_.links_of(way.path)) ++link_first_[link + 1];
  }
  for (std::size_t i = 1; i < link_first_.size(); ++i) link_first_[i] += link_first_[i - 1];
  link_ways_.resize(link_first_.back());
  std::vector<std::uint32_t> next(link_first_.begin(), link_first_.end() - 1);
  for (std::uint32_t i = 0; i < ways_.size(); ++i) {
    for (const std::uint32_t link : problem_.links_of(ways_[i].path)) link_ways_[next[link]++] = i;
  }
}

double Likelihood::log_value(const ActiveRecord& flow, double log_weight, double x,
                             double sigma) const {
  const double alive = log_weight + log_lost(flow.lost, flow.sent, x);
  if (sigma <= 0) return alive;
  if (flow.dead == 0) return alive - sigma;
  const double swallowed = log_weight + std::log(-std::expm1(-sigma)) + flow.dead_log_prior +
                           log_lost(flow.lost - flow.dead, flow.sent - flow.dead, x);
  return log_sum(alive - sigma, swallowed);
}

void Likelihood::refresh(std::uint32_t index) {
  Record& record = records_[index];
  const ActiveRecord& flow = problem_.active[index];
  const std::span<Way> ways(ways_.data() + record.first_way, record.way_count);
  double high = record.log_own_reason;
  for (Way& way : ways) {
    way.value = log_value(flow, way.log_weight, way.x, way.sigma);
    high = std::max(high, way.value);
  }
  double total = std::exp(record.log_own_reason - high);
  for (const Way& way : ways) total += std::exp(way.value - high);
  record.log_total = high + std::log(total);
  record.own_share = std::exp(record.log_own_reason - record.log_total);
  for (Way& way : ways) way.value = std::exp(way.value - record.log_total);
}

void Likelihood::set_background(std::span<const double> loss_by_link) {
  for (std::size_t i = 0; i < links_.size(); ++i) {
    links_[i].loss += loss_by_link[i] - background_[i];
    background_[i] = loss_by_link[i];
  }
  for (Way& way : ways_) {
    way.x = 0;
    way.sigma = 0;
    for (const std::uint32_t link : problem_.links_of(way.path)) {
      way.x += links_[link].loss;
      way.sigma += links_[link].dead;
    }
  }
  for (std::uint32_t i = 0; i < records_.size(); ++i) refresh(i);
}

void Likelihood::add(std::span<const std::uint32_t> links, Exponents amount) {
  std::vector<std::uint32_t> touched;
  for (const std::uint32_t link : links) {
    links_[link].loss += amount.loss;
    links_[link].dead = std::max(0.0, links_[link].dead + amount.dead);
    for (const std::uint32_t way : ways_over(link)) {
      ways_[way].x += amount.loss;
      ways_[way].sigma = std::max(0.0, ways_[way].sigma + amount.dead);
      touched.push_back(ways_[way].record);
    }
  }
  std::ranges::sort(touched);
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  for (const std::uint32_t record : touched) refresh(record);
}

void Likelihood::footprint(std::span<const std::uint32_t> links, Footprint& result) const {
  gather(links, static_cast<std::uint32_t>(ways_.size()), result);
}

void Likelihood::lossy_footprint(std::span<const std::uint32_t> links, Footprint& result) const {
  const bool all = problem_.lossy_count == records_.size();
  gather(links,
         all ? static_cast<std::uint32_t>(ways_.size()) : records_[problem_.lossy_count].first_way,
         result);
}

double Likelihood::gain_bound(std::uint32_t record) const {
  const ActiveRecord& flow = problem_.active[record];
  const double share = flow.lost / flow.sent;
  double best = flow.lost == flow.sent ? 0 : (flow.sent - flow.lost) * std::log1p(-share);
  if (flow.lost > 0) best += flow.lost * std::log(share);
  if (flow.dead > 0) best = std::max(best, flow.dead_log_prior);
  return flow.copies * std::max(0.0, best - records_[record].log_total);
}

void Likelihood::gather(std::span<const std::uint32_t> links, std::uint32_t ways_end,
                        Footprint& result) const {
  result.clean_packets = result.clean_flows = 0;
  result.lossy_flows = result.dead_flows = 0;
  result.records.clear();
  result.ways.clear();
  for (const std::uint32_t link : links) {
    result.clean_packets += problem_.clean_packets[link];
    result.clean_flows += problem_.clean_flows[link];
    for (const std::uint32_t way : ways_over(link)) {
      if (way >= ways_end) break;  // ways of a link are in order
      result.ways.push_back({way, 1});
    }
  }
  if (links.size() > 1) {
    std::ranges::sort(result.ways, {}, &Footprint::Way::way);
  }
  std::size_t kept = 0;
  for (const Footprint::Way& way : result.ways) {
    if (kept > 0 && result.ways[kept - 1].way == way.way) {
      ++result.ways[kept - 1].crossings;
    } else {
      result.ways[kept++] = way;
    }
  }
  result.ways.resize(kept);
  for (std::uint32_t i = 0; i < kept;) {
    const std::uint32_t index = ways_[result.ways[i].way].record;
    const Record& record = records_[index];
    std::uint32_t end = i;
    double crossing = 0;
    while (end < kept && ways_[result.ways[end].way].record == index) {
      crossing += ways_[result.ways[end].way].value;
      ++end;
    }
    // Added up rather than subtracted when all ways cross: 1 - 0.999... has no digits left.
    const bool all = end - i == record.way_count;
    const double rest = all ? record.own_share : std::max(record.own_share, 1 - crossing);
    result.records.push_back({index, i, end - i, rest});
    result.lossy_flows += problem_.active[index].lost > 0;
    result.dead_flows += problem_.active[index].dead > 0;
    i = end;
  }
}

double Likelihood::gain(const Footprint& footprint, Exponents amount) const {
  double gain = -footprint.clean_packets * amount.loss - footprint.clean_flows * amount.dead;
  for (const Footprint::Record& it : footprint.records) {
    const ActiveRecord& flow = problem_.active[it.record];
    const Record& record = records_[it.record];
    double total = it.rest;
    for (std::uint32_t i = it.first; i < it.first + it.count; ++i) {
      const Way& way = ways_[footprint.ways[i].way];
      const double crossings = footprint.ways[i].crossings;
      total += std::exp(log_value(flow, way.log_weight, way.x + crossings * amount.loss,
                                  way.sigma + crossings * amount.dead) -
                        record.log_total);
    }
    gain += flow.copies * std::log(std::max(total, 1e-300));
  }
  return gain;
}

}  // namespace faultline::localize
