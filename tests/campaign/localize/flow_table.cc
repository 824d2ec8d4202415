#include "tests/campaign/localize/flow_table.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace faultline::campaign {
namespace {

using localize::LinkIndex;
using localize::ObservationSet;
using localize::RouteIndex;

constexpr std::uint32_t kNone = 0xffffffff;

// Adds paths to a table; keeps its buffers, as there may be a million.
class PathAdder {
 public:
  explicit PathAdder(FlowTable& table)
      : table_(table), by_forward_(table.set.route_count(), Slice{0, kNone}) {}

  Slice paths(RouteIndex forward, RouteIndex back) {
    Slice& known = back == localize::kNoRoute
                       ? by_forward_[forward.value()]
                       : by_routes_.try_emplace(key(forward, back), Slice{0, kNone}).first->second;
    if (known.count == kNone) known = add(forward, back);
    return known;
  }

 private:
  static std::uint64_t key(RouteIndex forward, RouteIndex back) {
    return (std::uint64_t{forward.value()} << 32) | back.value();
  }

  Slice add(RouteIndex forward, RouteIndex back) {
    Slice slice{static_cast<std::uint32_t>(table_.paths.size()), 0};
    for (const localize::WeightedPath& there : table_.set.at(forward)) {
      const auto links = table_.set.at(there.path);
      if (back == localize::kNoRoute) {
        add_path(links, {});
        ++slice.count;
        continue;
      }
      for (const localize::WeightedPath& returning : table_.set.at(back)) {
        add_path(links, table_.set.at(returning.path));
        ++slice.count;
      }
    }
    return slice;
  }

  void add_path(std::span<const LinkIndex> there, std::span<const LinkIndex> back) {
    FlowTable::Path path;
    path.links = {static_cast<std::uint32_t>(table_.components.size()),
                  static_cast<std::uint32_t>(there.size() + back.size())};
    devices_.clear();
    const auto append = [&](LinkIndex link) {
      table_.components.push_back(link.value());
      const localize::Link& it = table_.set.at(link);
      devices_.push_back(table_.link_count + it.from.value());
      devices_.push_back(table_.link_count + it.to.value());
    };
    std::ranges::for_each(there, append);
    std::ranges::for_each(back, append);
    std::ranges::sort(devices_);
    devices_.erase(std::unique(devices_.begin(), devices_.end()), devices_.end());
    path.devices = {static_cast<std::uint32_t>(table_.components.size()),
                    static_cast<std::uint32_t>(devices_.size())};
    table_.components.insert(table_.components.end(), devices_.begin(), devices_.end());
    table_.paths.push_back(path);
  }

  FlowTable& table_;
  std::vector<Slice> by_forward_;
  std::unordered_map<std::uint64_t, Slice> by_routes_;
  std::vector<std::uint32_t> devices_;
};

// Finds the flow of a row by a list of those of its name or, without one, of its route: short ones.
class FlowFinder {
 public:
  explicit FlowFinder(const ObservationSet& set)
      : by_name_(set.flow_count(), kNone), by_route_(set.route_count(), kNone) {}

  // Its number, and whether it is the next new one.
  std::pair<std::uint32_t, bool> find(const localize::Observation& row) {
    std::uint32_t& last =
        row.flow == localize::kNoFlow ? by_route_[row.forward.value()] : by_name_[row.flow.value()];
    for (std::uint32_t i = last; i != kNone; i = known_[i].before) {
      if (known_[i].forward == row.forward && known_[i].back == row.back) return {i, false};
    }
    const auto fresh = static_cast<std::uint32_t>(known_.size());
    known_.push_back({row.forward, row.back, last});
    last = fresh;
    return {fresh, true};
  }

 private:
  struct Known {
    RouteIndex forward;
    RouteIndex back;
    std::uint32_t before = kNone;
  };
  std::vector<std::uint32_t> by_name_;
  std::vector<std::uint32_t> by_route_;
  std::vector<Known> known_;
};

}  // namespace

FlowTable::FlowTable(const ObservationSet& observations)
    : set(observations),
      link_count(static_cast<std::uint32_t>(observations.links().size())),
      device_count(static_cast<std::uint32_t>(observations.devices().size())) {
  PathAdder adder(*this);
  FlowFinder finder(set);
  components.reserve(3 * set.stored_hops());
  for (const localize::Observation& row : set.observations()) {
    const auto [index, is_new] = finder.find(row);
    if (is_new) flows.push_back({adder.paths(row.forward, row.back), 0, 0});
    flows[index].sent += static_cast<double>(row.sent);
    flows[index].lost += static_cast<double>(row.lost);
  }
}

std::string FlowTable::id(std::uint32_t component) const {
  return is_device(component) ? set.devices()[component - link_count].id
                              : set.links()[component].id;
}

}  // namespace faultline::campaign
