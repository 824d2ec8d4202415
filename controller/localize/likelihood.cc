#include "controller/localize/likelihood.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace faultline::localize {
namespace {

// That a flow loses packets for a reason no component explains (a filter, a restart, a stray
// burst).
constexpr double kLogOwnReason = -9.210340371976182;  // log 1e-4
// Keeps log(1 - e^-x) finite; far below any real background.
constexpr double kExponentMin = 1e-9;
// Clean flows of unknown path look alike when their columns agree this closely.
constexpr double kAlike = 1e-6;
constexpr std::size_t kAlikeSearched = 8;

double log_binomial(double n, double k) {
  if (k == 1) return std::log(n);
  if (k == 2) return std::log(n * (n - 1) / 2);
  return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1);
}

bool alike(double a, double b) { return std::abs(a - b) <= kAlike * b; }

// Counts a clean record with an earlier one that says the same.
bool merge_clean(Column& column, std::size_t clean_begin) {
  const Column::Record& record = column.records.back();
  if (record.count != 1) return false;
  const Column::Part& part = column.parts.back();
  const std::size_t end = std::min(clean_begin + kAlikeSearched, column.records.size() - 1);
  for (std::size_t i = clean_begin; i < end; ++i) {
    Column::Record& other = column.records[i];
    const Column::Part& other_part = column.parts[other.first];
    const bool same = other.count == 1 && alike(other.passed, record.passed) &&
                      alike(other.rest, record.rest) && alike(other_part.share, part.share) &&
                      other_part.crossings == part.crossings;
    if (!same) continue;
    other.copies += record.copies;
    column.records.pop_back();
    column.parts.pop_back();
    return true;
  }
  return false;
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
                                           : kLogOwnReason - std::log(flow.sent + 1) -
                                                 log_binomial(flow.sent, flow.lost);
    for (const Arm& arm : arms) ways_.push_back({i, arm.path, arm.log_weight});
  }
  crossings_.resize(ways_.size());
  is_touched_.resize(records_.size());
  index_links();
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

// Nearly all flows: one way, and no run that lost everything. The likelihood of its losses against
// that of a reason of its own says all.
void Likelihood::refresh_one_way(std::uint32_t index) {
  Record& record = records_[index];
  const ActiveRecord& flow = problem_.active[index];
  Way& way = ways_[record.first_way];
  const double x = std::max(way.x, kExponentMin);
  const Odds& odds = odds_of(x);
  way.odds = odds.odds;
  const double explained =
      way.log_weight - (flow.sent - flow.lost) * x - flow.lost * odds.log_odds_up - way.sigma;
  const double apart = record.log_own_reason - explained;
  // Either form is exact where the other one is not.
  const double less = std::exp(-std::abs(apart));
  record.log_total = std::max(explained, record.log_own_reason) + std::log1p(less);
  const double more_share = 1 / (1 + less);
  const double less_share = less / (1 + less);
  record.own_share = apart > 0 ? more_share : less_share;
  way.share = way.alive = apart > 0 ? less_share : more_share;
  way.swallowed = 0;
}

// Most ways have one of very few exponents, as they cross no suspect.
const Likelihood::Odds& Likelihood::odds_of(double x) {
  Odds& known = odds_[std::hash<double>{}(x) % odds_.size()];
  if (known.x != x) {
    const double odds = 1 / std::expm1(x);
    known = {x, odds, std::log1p(odds)};
  }
  return known;
}

void Likelihood::refresh(std::uint32_t index) {
  Record& record = records_[index];
  const ActiveRecord& flow = problem_.active[index];
  if (record.way_count == 1 && flow.lost > 0 && flow.dead == 0) {
    refresh_one_way(index);
    return;
  }
  const std::span<Way> ways(ways_.data() + record.first_way, record.way_count);
  const double passed = flow.sent - flow.lost;
  double high = record.log_own_reason;
  for (Way& way : ways) {
    const double x = flow.lost > 0 ? std::max(way.x, kExponentMin) : way.x;
    const Odds odds = flow.lost > 0 ? odds_of(x) : Odds{};
    const double log_odds_up = odds.log_odds_up;
    way.odds = odds.odds;
    const double weight = way.log_weight - passed * x;
    way.alive = weight - flow.lost * log_odds_up - way.sigma;
    way.swallowed = -std::numeric_limits<double>::infinity();
    high = std::max(high, way.alive);
    if (flow.dead == 0) continue;
    way.swallowed = weight + flow.dead_log_prior - (flow.lost - flow.dead) * log_odds_up;
    if (way.sigma > 0) high = std::max(high, way.swallowed + std::log(-std::expm1(-way.sigma)));
  }
  double total = std::exp(record.log_own_reason - high);
  for (Way& way : ways) {
    way.share = std::exp(way.alive - high);
    if (flow.dead > 0 && way.sigma > 0) {
      way.share += std::exp(way.swallowed + std::log(-std::expm1(-way.sigma)) - high);
    }
    total += way.share;
  }
  record.log_total = high + std::log(total);
  record.own_share = std::exp(record.log_own_reason - record.log_total);
  for (Way& way : ways) {
    way.share /= total;
    if (flow.dead == 0) {
      way.alive = way.share;
      way.swallowed = 0;
    } else {
      way.alive = std::exp(way.alive - record.log_total);
      way.swallowed = std::exp(std::min(way.swallowed - record.log_total, 600.0));
    }
  }
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
  touched_.clear();
  for (const std::uint32_t link : links) {
    links_[link].loss += amount.loss;
    links_[link].dead = std::max(0.0, links_[link].dead + amount.dead);
    for (const std::uint32_t way : ways_over(link)) {
      ways_[way].x += amount.loss;
      ways_[way].sigma = std::max(0.0, ways_[way].sigma + amount.dead);
      const std::uint32_t record = ways_[way].record;
      if (is_touched_[record] == 0) touched_.push_back(record);
      is_touched_[record] = 1;
    }
  }
  for (const std::uint32_t record : touched_) {
    is_touched_[record] = 0;
    refresh(record);
  }
}

void Likelihood::footprint(std::span<const std::uint32_t> links, Footprint& result) {
  gather(links, static_cast<std::uint32_t>(ways_.size()), result);
}

void Likelihood::lossy_footprint(std::span<const std::uint32_t> links, Footprint& result) {
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

double Likelihood::dead_bound(std::uint32_t record) const {
  if (problem_.active[record].dead == 0) return 0;
  double most = 1;
  const Record& it = records_[record];
  for (std::uint32_t way = it.first_way; way < it.first_way + it.way_count; ++way) {
    most += ways_[way].swallowed;
  }
  return std::log(most);
}

void Likelihood::gather(std::span<const std::uint32_t> links, std::uint32_t ways_end,
                        Footprint& result) {
  result.clean_packets = result.clean_flows = 0;
  result.lossy_flows = result.dead_flows = 0;
  result.records.clear();
  result.ways.clear();
  touched_.clear();
  for (const std::uint32_t link : links) {
    result.clean_packets += problem_.clean[link].packets;
    result.clean_flows += problem_.clean[link].flows;
    for (const std::uint32_t way : ways_over(link)) {
      if (way >= ways_end) break;  // ways of a link are in order
      ++crossings_[way];
      const std::uint32_t record = ways_[way].record;
      if (is_touched_[record] == 0) touched_.push_back(record);
      is_touched_[record] = 1;
    }
  }
  // Clean ones last, next to each other: many of them are alike.
  if (ways_end == ways_.size() && links.size() > 1) {
    std::ranges::partition(touched_, [&](std::uint32_t it) { return it < problem_.lossy_count; });
  }
  for (const std::uint32_t record : touched_) {
    is_touched_[record] = 0;
    add_record(record, result);
  }
}

void Likelihood::add_record(std::uint32_t index, Footprint& result) {
  const Record& record = records_[index];
  const auto first = static_cast<std::uint32_t>(result.ways.size());
  for (std::uint32_t way = record.first_way; way < record.first_way + record.way_count; ++way) {
    if (crossings_[way] == 0) continue;
    result.ways.push_back({way, crossings_[way]});
    crossings_[way] = 0;
  }
  result.records.push_back({index, first, static_cast<std::uint32_t>(result.ways.size()) - first});
  result.lossy_flows += problem_.active[index].lost > 0;
  result.dead_flows += problem_.active[index].dead > 0;
}

void Likelihood::column(const Footprint& footprint, FaultMode mode, Column& result) const {
  result.clear(mode);
  const bool loss = mode == FaultMode::kLoss;
  result.clean = loss ? footprint.clean_packets : footprint.clean_flows;
  std::size_t clean_begin = 0;
  for (const Footprint::Record& it : footprint.records) {
    const ActiveRecord& flow = problem_.active[it.record];
    const Record& record = records_[it.record];
    Column::Record& term = result.records.emplace_back();
    term.first = static_cast<std::uint32_t>(result.parts.size());
    term.passed = flow.sent - flow.lost;
    term.copies = flow.copies;
    double crossing = 0;
    double swallowed = 0;
    // Ways alike are one part.
    const auto add = [&](double share, double odds, double lost, double crossings) {
      if (share == 0) return;
      if (result.parts.size() > term.first) {
        Column::Part& last = result.parts.back();
        if (last.odds == odds && last.lost == lost && last.crossings == crossings) {
          last.share += share;
          return;
        }
      }
      result.parts.push_back({share, odds, lost, crossings});
    };
    for (std::uint32_t i = it.first; i < it.first + it.count; ++i) {
      const Way& way = ways_[footprint.ways[i].way];
      const double crossings = footprint.ways[i].crossings;
      crossing += way.share;
      const bool may_be_dead = flow.dead > 0 && (!loss || way.sigma > 0);
      if (!may_be_dead) {
        add(way.share, loss ? way.odds : 0, loss ? flow.lost : 0, crossings);
      } else if (loss) {
        add(way.alive, way.odds, flow.lost, crossings);
        add(way.share - way.alive, way.odds, flow.lost - flow.dead, crossings);
      } else {
        swallowed += way.swallowed;
        add(way.alive - way.swallowed * std::exp(-way.sigma), 0, 0, crossings);
      }
    }
    // Added up rather than subtracted when all ways cross: 1 - 0.999... has no digits left.
    const bool all = it.count == record.way_count;
    term.rest = (all ? record.own_share : std::max(record.own_share, 1 - crossing)) + swallowed;
    term.count = static_cast<std::uint32_t>(result.parts.size()) - term.first;
    if (flow.lost > 0) {
      result.simplify_last();
      clean_begin = result.records.size();
    } else if (loss && all && term.count == 1) {
      result.clean += term.copies * term.passed * result.parts.back().crossings;
      result.parts.pop_back();
      result.records.pop_back();
    } else {
      merge_clean(result, clean_begin);
    }
  }
}

}  // namespace faultline::localize
