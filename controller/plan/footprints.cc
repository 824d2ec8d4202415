#include "controller/plan/footprints.h"

#include <algorithm>
#include <array>

#include "controller/plan/mix.h"

namespace faultline::plan {
namespace {

constexpr std::array kRows{kForwardRow, kReturnRow};
constexpr std::size_t kPairsScanned = 16;  // looking through so few beats sorting them

std::uint64_t hash_of(FlowNumber flow, std::uint32_t rows) {
  std::uint64_t hash = 0;
  for (const auto row : kRows) {
    if ((rows & row) != 0) hash ^= mix(std::uint64_t{flow} << 2 | row);
  }
  return hash;
}

}  // namespace

Footprints::Footprints(const FlowRoutes& routes)
    : routes_(routes), rows_(routes.links()), hashes_(routes.links(), 0) {}

void Footprints::change_hash(LinkNumber link, std::uint64_t by) {
  auto& hash = hashes_[link];
  if (const auto at = links_by_hash_.find(hash); at != links_by_hash_.end() && --at->second == 0) {
    links_by_hash_.erase(at);
  }
  hash ^= by;
  if (!rows_[link].empty()) ++links_by_hash_[hash];
}

void Footprints::add(FlowNumber flow) {
  for (const auto& crossing : routes_.crossings(flow)) {
    auto& rows = rows_[crossing.link];
    if (rows.empty()) ++covered_;
    for (const auto row : kRows) {
      if ((crossing.rows & row) != 0) rows.push_back({flow, row});
    }
    change_hash(crossing.link, hash_of(flow, crossing.rows));
  }
}

void Footprints::remove(FlowNumber flow) {
  for (const auto& crossing : routes_.crossings(flow)) {
    auto& rows = rows_[crossing.link];
    std::erase_if(rows, [&](const Row& row) { return row.flow == flow; });
    if (rows.empty()) --covered_;
    change_hash(crossing.link, hash_of(flow, crossing.rows));
  }
}

std::uint32_t Footprints::host_pairs(LinkNumber link, std::uint32_t limit) const {
  std::vector<std::uint64_t> few;
  for (const auto& row : rows_[link]) {
    const auto pair = routes_.ends(row.flow).pair();
    if (few.size() < kPairsScanned && std::ranges::find(few, pair) == few.end()) {
      few.push_back(pair);
    }
    if (few.size() >= limit) return limit;
  }
  if (few.size() < kPairsScanned) return static_cast<std::uint32_t>(few.size());
  std::vector<std::uint64_t> all;
  for (const auto& row : rows_[link]) all.push_back(routes_.ends(row.flow).pair());
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
  return std::min(limit, static_cast<std::uint32_t>(all.size()));
}

bool Footprints::has_pair(LinkNumber link, std::uint64_t pair) const {
  return std::ranges::any_of(rows_[link],
                             [&](const Row& row) { return routes_.ends(row.flow).pair() == pair; });
}

bool Footprints::crosses(const Row& row, LinkNumber link) const {
  return std::ranges::any_of(routes_.crossings(row.flow), [&](const Crossing& crossing) {
    return crossing.link == link && (crossing.rows & row.rows) != 0;
  });
}

std::size_t Footprints::next_outside(LinkNumber link, std::size_t begin, LinkNumber a,
                                     LinkNumber b) const {
  const auto& rows = rows_[link];
  while (begin < rows.size() && (crosses(rows[begin], a) || crosses(rows[begin], b))) ++begin;
  return begin;
}

// Whoever masks the link is on its first row; who helps is on the first row that the former misses.
std::optional<Footprints::Maskers> Footprints::maskers(LinkNumber link) const {
  const auto& rows = rows_[link];
  if (rows.empty()) return std::nullopt;
  for (const auto& first : routes_.crossings(rows.front().flow)) {
    if (first.link == link || (first.rows & rows.front().rows) == 0) continue;
    const auto missed = next_outside(link, 1, first.link, first.link);
    if (missed == rows.size()) return Maskers{first.link, first.link};
    for (const auto& second : routes_.crossings(rows[missed].flow)) {
      if (second.link == link || (second.rows & rows[missed].rows) == 0) continue;
      if (next_outside(link, missed + 1, first.link, second.link) == rows.size()) {
        return Maskers{first.link, second.link};
      }
    }
  }
  return std::nullopt;
}

bool Footprints::unmasks(FlowNumber flow, LinkNumber link, const Maskers& maskers) const {
  return std::ranges::any_of(kRows, [&](std::uint32_t bit) {
    const Row row{flow, bit};
    return crosses(row, link) && !crosses(row, maskers.first) && !crosses(row, maskers.second);
  });
}

}  // namespace faultline::plan
