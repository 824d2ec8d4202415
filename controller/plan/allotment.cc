#include "controller/plan/allotment.h"

#include <algorithm>
#include <cmath>

namespace faultline::plan {

std::uint32_t Allotment::raise(const KnownFlow& flow, std::uint32_t steps) {
  const auto headroom = limits_.headroom.find(flow.key.source);
  if (headroom == limits_.headroom.end() || flow.key.source == flow.key.target) return 0;
  const auto raised = extra_.find(flow.key);
  const std::uint32_t already = raised == extra_.end() ? 0 : raised->second;
  double room = limits_.packets_per_second - total_;
  for (const std::uint32_t link : flow.links) {
    room = std::min(room, limits_.per_link - link_load_[link]);
  }
  double& sent = node_load_[flow.key.source];
  double& reflected = node_load_[flow.key.target];
  room = std::min(
      {room, limits_.per_node - sent, limits_.per_node - reflected, headroom->second - sent});
  if (!(room > 0)) return 0;
  const double fits = std::floor(room / limits_.per_flow);
  const auto most = static_cast<std::uint32_t>(std::min(fits, double(limits_.times_max - 1)));
  const std::uint32_t taken = std::min({steps, most, limits_.times_max - 1 - already});
  if (taken == 0) return 0;
  const double load = taken * limits_.per_flow;
  for (const std::uint32_t link : flow.links) link_load_[link] += load;
  sent += load;
  reflected += load;
  total_ += load;
  extra_[flow.key] = already + taken;
  return taken;
}

double Allotment::add(std::span<const KnownFlow> flows, double wanted) {
  if (limits_.times_max < 2 || flows.empty() || !(limits_.per_flow > 0) || !(wanted > 0)) return 0;
  const double affordable =
      std::max(0.0, std::min({wanted, limits_.per_link, limits_.packets_per_second - total_}));
  const double most = static_cast<double>(flows.size()) * (limits_.times_max - 1);
  auto left = static_cast<std::uint64_t>(std::ceil(std::min(affordable / limits_.per_flow, most)));
  double added = 0;
  // Each pass shares out evenly what is left; it ends when nothing fits any more.
  for (bool any = true; any && left > 0;) {
    any = false;
    const auto each = static_cast<std::uint32_t>((left + flows.size() - 1) / flows.size());
    for (const KnownFlow& flow : flows) {
      if (left == 0) break;
      const auto steps =
          raise(flow, static_cast<std::uint32_t>(std::min<std::uint64_t>(each, left)));
      left -= steps;
      added += steps * limits_.per_flow;
      any = any || steps > 0;
    }
  }
  return added;
}

std::vector<ExtraFlow> Allotment::flows() const {
  std::vector<ExtraFlow> result;
  for (const auto& [key, extra] : extra_) result.push_back({key, 1 + extra});
  return result;
}

}  // namespace faultline::plan
