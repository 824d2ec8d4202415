#include "tests/campaign/localize/fabric.h"

#include <functional>
#include <limits>
#include <queue>
#include <utility>

namespace faultline::campaign {
namespace {

constexpr std::uint32_t kFar = std::numeric_limits<std::uint32_t>::max();

std::uint64_t scrambled(std::uint64_t value) {  // splitmix64 (Steele et al., OOPSLA 2014)
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

}  // namespace

std::uint64_t mixed(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  return scrambled(scrambled(scrambled(a) ^ b) ^ c);
}

std::uint32_t Fabric::add_device(std::string id, localize::DeviceKind kind) {
  const auto index = static_cast<std::uint32_t>(devices.size());
  devices.push_back(std::move(id));
  kinds.push_back(kind);
  (is_host(index) ? hosts : switches).push_back(index);
  links_out_.emplace_back();
  return index;
}

void Fabric::add_cable(std::uint32_t a, std::uint32_t b, std::uint32_t cost) {
  for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
    links_out_[from].push_back(static_cast<std::uint32_t>(links.size()));
    links.push_back({from, to, is_host(a) || is_host(b)});
    costs_.push_back(cost);
  }
}

bool Fabric::is_host(std::uint32_t device) const {
  return kinds[device] == localize::DeviceKind::kHost || kinds[device] == localize::DeviceKind::kVm;
}

// Dijkstra from each device that hosts hang on, over the devices that forward.
void Fabric::route() {
  for (const std::uint32_t host : hosts) {
    for (const std::uint32_t link : links_out_[host]) distance_[links[link].to] = {};
  }
  using Reached = std::pair<std::uint32_t, std::uint32_t>;  // distance, device
  for (auto& [target, distance] : distance_) {
    distance.assign(devices.size(), kFar);
    std::priority_queue<Reached, std::vector<Reached>, std::greater<>> queue;
    queue.push({0, target});
    while (!queue.empty()) {
      const auto [far, at] = queue.top();
      queue.pop();
      if (distance[at] <= far) continue;
      distance[at] = far;
      if (is_host(at)) continue;
      for (const std::uint32_t link : links_out_[at]) {
        queue.push({far + costs_[link], links[link].to});
      }
    }
  }
}

std::string Fabric::link_id(std::uint32_t link) const {
  return devices[links[link].from] + ">" + devices[links[link].to];
}

std::vector<std::uint32_t> Fabric::links_of_device(std::uint32_t device) const {
  std::vector<std::uint32_t> result;
  for (std::uint32_t i = 0; i < links.size(); ++i) {
    if (links[i].from == device || links[i].to == device) result.push_back(i);
  }
  return result;
}

// Links of `at` that lie on a shortest path to the host `dst`.
std::vector<std::uint32_t> Fabric::next_links(std::uint32_t at, std::uint32_t dst) const {
  std::vector<std::uint32_t> result;
  std::uint32_t best = kFar;
  for (const std::uint32_t last : links_out_[dst]) {
    const std::vector<std::uint32_t>& distance = distance_.at(links[last].to);
    for (const std::uint32_t link : links_out_[at]) {
      const std::uint32_t next = links[link].to;
      const bool arrives = next == dst;
      if (!arrives && (is_host(next) || distance[next] == kFar)) continue;
      const std::uint32_t length = arrives ? 0 : costs_[link] + distance[next];
      if (length < best) result.clear();
      best = std::min(best, length);
      if (length == best) result.push_back(link);
    }
  }
  return result;
}

void Fabric::extend(Way& so_far, std::uint32_t at, std::uint32_t dst,
                    std::vector<Way>& result) const {
  if (at == dst) {
    result.push_back(so_far);
    return;
  }
  for (const std::uint32_t link : next_links(at, dst)) {
    so_far.push_back(link);
    extend(so_far, links[link].to, dst, result);
    so_far.pop_back();
  }
}

std::vector<Way> Fabric::ways(std::uint32_t src, std::uint32_t dst) const {
  std::vector<Way> result;
  Way so_far;
  extend(so_far, src, dst, result);
  return result;
}

Way Fabric::way(std::uint32_t src, std::uint32_t dst, std::uint64_t flow_hash) const {
  Way result;
  for (std::uint32_t at = src; at != dst; at = links[result.back()].to) {
    const std::vector<std::uint32_t> next = next_links(at, dst);
    if (next.empty()) return {};
    result.push_back(next[mixed(flow_hash, at) % next.size()]);
  }
  return result;
}

}  // namespace faultline::campaign
