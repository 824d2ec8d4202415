#include "controller/plan/hierarchy.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "controller/plan/mix.h"

namespace faultline::plan {
namespace {

struct Host {
  const FleetMember* member = nullptr;
  std::uint64_t hash = 0;  // of its name
};

struct Rack {
  std::string_view zone{};
  std::uint64_t hash = 0;     // of its name
  std::vector<Host> hosts{};  // by hash
};

std::string_view label(const FleetMember& member, const char* name) {
  const auto at = member.profile.labels.find(name);
  return at == member.profile.labels.end() ? std::string_view{} : std::string_view(at->second);
}

// In the order of the ring: by hash of the name.
std::vector<Rack> make_racks(const FleetView& fleet) {
  // A rack and a node without one may bear the same name.
  std::map<std::tuple<std::string_view, bool, std::string_view>, Rack> racks;
  for (const auto& member : fleet) {
    const auto name = label(member, "rack");
    const auto zone = label(member, "zone");
    const auto key = name.empty() ? std::string_view(member.name) : name;
    auto& rack = racks[{zone, !name.empty(), key}];
    rack.zone = zone;
    rack.hash = hash_name(key);
    rack.hosts.push_back({&member, hash_name(member.name)});
  }
  std::vector<Rack> ring;
  for (auto& [key, rack] : racks) {
    std::ranges::sort(rack.hosts, {},
                      [](const Host& host) { return std::pair(host.hash, host.member->id); });
    ring.push_back(std::move(rack));
  }
  std::ranges::stable_sort(ring, {}, [](const Rack& rack) {
    return std::pair(rack.hash, rack.hosts.front().member->id);
  });
  return ring;
}

std::uint64_t weight(std::uint64_t who, std::uint64_t duty) { return mix(mix(duty) ^ who); }

class MeshMaker {
 public:
  MeshMaker(const FleetView& fleet, std::size_t targets_max)
      : racks_(make_racks(fleet)), targets_max_(targets_max) {
    for (const auto& member : fleet) mesh_.targets[member.id];
    for (const auto& rack : racks_) zones_.insert(rack.zone);
  }

  Mesh make() {
    for (std::size_t i = 0; i < racks_.size(); ++i) {
      inside(racks_[i]);
      across(i);
    }
    for (auto& [id, targets] : mesh_.targets) {
      std::ranges::sort(targets, {}, &FleetMember::id);
      mesh_.targets_most = std::max(mesh_.targets_most, targets.size());
    }
    mesh_.busiest = mesh_.targets_most;
    for (const auto& [id, count] : answered_) mesh_.busiest = std::max(mesh_.busiest, count);
    describe();
    return std::move(mesh_);
  }

 private:
  // Where there are other racks, at most half of what a node may measure is in its own.
  [[nodiscard]] std::size_t inside_max(const Rack& rack) const {
    const auto others = rack.hosts.size() - 1;
    return std::min(others, racks_.size() == 1 ? targets_max_ : targets_max_ / 2);
  }

  void inside(const Rack& rack) {
    const auto& hosts = rack.hosts;
    for (std::size_t i = 0; i < hosts.size(); ++i) {
      const auto& targets = mesh_.targets[hosts[i].member->id];
      for (std::size_t step = 1; step < hosts.size() && targets.size() < inside_max(rack); ++step) {
        const auto* other = hosts[(i + step) % hosts.size()].member;
        if (can_talk(*hosts[i].member, *other)) {
          add(*hosts[i].member, *other);
        } else {
          ++mesh_.pairs_mixed;
        }
      }
    }
  }

  void across(std::size_t index) {
    const auto& rack = racks_[index];
    const auto each_may = targets_max_ - inside_max(rack);
    if (racks_.size() - 1 <= each_may) {
      for (std::size_t step = 1; step < racks_.size(); ++step) every_host(rack, next(index, step));
      return;
    }
    const auto links_may = each_may * rack.hosts.size();
    const bool zonal = racks_.size() - 1 > links_may && zones_.size() > 1;
    zonal_ |= zonal;
    std::size_t measured = 0;
    for (std::size_t step = 1; step < racks_.size() && measured < links_may; ++step) {
      const auto& other = next(index, step);
      if (zonal && other.zone != rack.zone && !speaks_for_zone(rack, other)) continue;
      if (one_host(rack, other)) ++measured;
    }
    limited_ |= measured == links_may && measured < racks_.size() - 1;
    by_rack_ = true;
  }

  [[nodiscard]] const Rack& next(std::size_t index, std::size_t step) const {
    return racks_[(index + step) % racks_.size()];
  }

  // Whether `other` is the one rack of its zone that `rack` measures.
  [[nodiscard]] bool speaks_for_zone(const Rack& rack, const Rack& other) const {
    const auto mine = weight(other.hash, rack.hash);
    return std::ranges::none_of(racks_, [&](const Rack& third) {
      return third.zone == other.zone && weight(third.hash, rack.hash) > mine;
    });
  }

  void every_host(const Rack& rack, const Rack& other) {
    for (const auto& host : rack.hosts) {
      if (const auto* target = choose(host, other)) add(*host.member, *target);
    }
  }

  // The host whose duty it is, or the next that may measure one more and can talk to the rack.
  bool one_host(const Rack& rack, const Rack& other) {
    std::vector<const Host*> order;
    for (const auto& host : rack.hosts) order.push_back(&host);
    std::ranges::sort(order, std::greater{},
                      [&](const Host* host) { return weight(host->hash, other.hash); });
    for (const auto* host : order) {
      if (mesh_.targets[host->member->id].size() >= targets_max_) continue;
      if (const auto* target = choose(*host, other)) {
        add(*host->member, *target);
        return true;
      }
    }
    return false;
  }

  // Null, and counted, when nobody in the rack can answer.
  const FleetMember* choose(const Host& host, const Rack& other) {
    const FleetMember* best = nullptr;
    std::uint64_t best_weight = 0;
    bool mixed = true;
    for (const auto& candidate : other.hosts) {
      if (!can_talk(*host.member, *candidate.member)) continue;
      mixed = false;
      const auto its = weight(candidate.hash, host.hash);
      if (answered_[candidate.member->id] >= targets_max_) continue;
      if (best == nullptr || its > best_weight) {
        best = candidate.member;
        best_weight = its;
      }
    }
    if (best == nullptr) ++(mixed ? mesh_.pairs_mixed : mesh_.unanswered);
    return best;
  }

  void add(const FleetMember& source, const FleetMember& target) {
    mesh_.targets[source.id].push_back(&target);
    ++answered_[target.id];
  }

  void describe() {
    const auto hosts = mesh_.targets.size();
    if (racks_.size() == hosts) {
      mesh_.pattern = fmt::format("{} of {} others, the next ones by hash of the name",
                                  mesh_.targets_most, hosts - 1);
    } else if (!by_rack_) {
      mesh_.pattern =
          fmt::format("its rack and one node of each of {} other racks", racks_.size() - 1);
    } else if (limited_) {
      mesh_.pattern = "its rack, and racks some of the others, the next ones by hash of the name";
    } else if (zonal_) {
      mesh_.pattern = "its rack, and racks all others of their zone and one of each other zone";
    } else {
      mesh_.pattern = "its rack, and of each two racks one node measures one";
    }
  }

  const std::vector<Rack> racks_;
  const std::size_t targets_max_;
  std::set<std::string_view> zones_;
  Mesh mesh_;
  std::map<NodeId, std::size_t> answered_;  // by how many others each node is measured
  bool by_rack_ = false;
  bool zonal_ = false;
  bool limited_ = false;
};

}  // namespace

std::uint64_t hash_name(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
  hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9ULL;
  hash = (hash ^ hash >> 27) * 0x94d049bb133111ebULL;
  return hash ^ hash >> 31;
}

Mesh make_mesh(const FleetView& fleet, std::size_t targets_max) {
  return MeshMaker(fleet, targets_max).make();
}

}  // namespace faultline::plan
