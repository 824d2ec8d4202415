// ObservationSet: what the probes measured, ready for the localizer.
//
// Why it exists: the live controller and the text bundle feed the same localizer, and a bundle
// repeats the same few device names, paths and flows hundreds of thousands of times. Everything
// that repeats is interned once and an observation is a small row of indexes.
//
// Thread safety: none; build it on one thread, then share it as const.
// Units: times are whole seconds since the Unix epoch, delays are microseconds, sizes are bytes of
// the IP packet. Invariants: every index handed out stays valid for the life of the set; rows keep
// the order they were added in.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/strong_id.h"

namespace faultline::localize {

using DeviceIndex = StrongId<struct DeviceIndexTag, std::uint32_t>;
using LinkIndex = StrongId<struct LinkIndexTag, std::uint32_t>;
using PathIndex = StrongId<struct PathIndexTag, std::uint32_t>;
using RouteIndex = StrongId<struct RouteIndexTag, std::uint32_t>;
using FlowIndex = StrongId<struct FlowIndexTag, std::uint32_t>;

// The hop that did not answer a trace, "*". It is a device of every set, and never a suspect.
inline constexpr DeviceIndex kSilentHop{0};
inline constexpr RouteIndex kNoRoute{std::numeric_limits<std::uint32_t>::max()};
// The flow of an observation that names none: all packets between its ends, on its route.
inline constexpr FlowIndex kNoFlow{0};
inline constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();

enum class DeviceKind : std::uint8_t {
  kUnknown,  // never declared: an end of a flow counts as a host, anything else as a switch
  kSwitch,
  kRouter,
  kHost,
  kVm,
  kVswitch,
  kGateway,
  kTunnel,
  kZone,
  kOther,
  kHypervisor,
};
[[nodiscard]] std::string_view to_string(DeviceKind kind);
[[nodiscard]] std::optional<DeviceKind> parse_device_kind(std::string_view text);

struct Device {
  std::string id;
  DeviceKind kind = DeviceKind::kUnknown;
  std::string tier;  // free text; empty when not declared
};

// A VM runs on its hypervisor, a node lies in its zone: what befalls the one befalls the other,
// though no traced path may show it.
struct Membership {
  DeviceIndex member;
  DeviceIndex container;  // a hypervisor or a zone

  auto operator<=>(const Membership&) const = default;
};

// One direction of an edge. Parallel links between the same devices differ in their id only.
struct Link {
  std::string id;  // "leaf2>spine3", "leaf2>spine3#2"
  DeviceIndex from;
  DeviceIndex to;
  std::string tier;
  std::uint32_t mtu = 0;  // 0: not declared
  bool declared = false;  // named by a link record or call, rather than implied by a path
};

struct WeightedPath {
  double weight = 1;  // relative to the other candidates of the route
  PathIndex path;

  bool operator==(const WeightedPath&) const = default;
};

// NaN where not measured.
struct Delay {
  float p50_us = std::numeric_limits<float>::quiet_NaN();
  float p95_us = std::numeric_limits<float>::quiet_NaN();
  float p99_us = std::numeric_limits<float>::quiet_NaN();
  float min_us = std::numeric_limits<float>::quiet_NaN();
};

// One flow, one window. One-way unless `back` names a route; then sent and lost are of round trips,
// and a probe that cannot tell the direction of its losses (no reply at all: no anchor) reports
// exactly that.
struct Observation {
  DeviceIndex src;
  DeviceIndex dst;
  RouteIndex forward = kNoRoute;  // required
  RouteIndex back = kNoRoute;
  FlowIndex flow = kNoFlow;
  std::int64_t time_s = kNoTime;  // end of the window
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;
  std::uint32_t size = 0;  // 0: not stated
  std::int16_t dscp = -1;  // -1: not stated
  std::uint32_t late = 0;
  std::uint32_t duplicated = 0;
  std::uint32_t reordered = 0;
  std::uint32_t delay = 0;  // ObservationSet::add_delay(); 0: not measured
};

// What a prober says of itself: sick is 0 (well) to 1 (its own measurements mean nothing).
// A prober that drops a share of its packets is that share times kSickPerLoss sick.
inline constexpr double kSickPerLoss = 10;
struct ProbeHealth {
  DeviceIndex node;
  std::int64_t time_s = kNoTime;
  double sick = 0;
  std::string why;
};

class ObservationSet {
 public:
  ObservationSet();

  // Interns. A later call with a known kind or a tier completes an earlier one without.
  DeviceIndex device(std::string_view id, DeviceKind kind = DeviceKind::kUnknown,
                     std::string_view tier = {});

  // Twice is once.
  void put_in(DeviceIndex member, DeviceIndex container);

  struct LinkAttributes {
    std::string_view id = {};  // empty: "from>to"
    std::string_view tier = {};
    std::uint32_t mtu = 0;
  };
  // Declares a link. kConflict when the id is taken by a link between other devices.
  Result<LinkIndex> link(DeviceIndex from, DeviceIndex to, const LinkAttributes& attributes);
  // The link that a path implies; among parallel ones the one named "from>to".
  LinkIndex link(DeviceIndex from, DeviceIndex to);
  [[nodiscard]] std::optional<LinkIndex> find_link(std::string_view id) const;

  // Interns the path through `hops` (kSilentHop where a hop stayed silent; at least two hops).
  PathIndex path(std::span<const DeviceIndex> hops);
  PathIndex path_of_links(std::span<const LinkIndex> links);

  // Interns a route: one known path, or candidates of which one is taken by all packets of a flow.
  RouteIndex route(PathIndex path);
  RouteIndex route(std::span<const WeightedPath> candidates);

  FlowIndex flow(std::string_view text);
  std::uint32_t add_delay(const Delay& delay);

  // kInvalid when lost > sent, the route is missing, or an index is not of this set.
  Status add(const Observation& observation);
  // Takes the place of all rows; they must come from indexes of this set, as those of a Stream do.
  void set_observations(std::vector<Observation> rows) { observations_ = std::move(rows); }
  // Takes the place of all delays, and of the rows that named them; the first is nobody's.
  void set_delays(std::vector<Delay> delays);
  void set_health(std::vector<ProbeHealth> health) { health_ = std::move(health); }
  void add_health(ProbeHealth health);
  void set_window_s(std::uint32_t seconds) { window_s_ = seconds; }

  [[nodiscard]] std::uint32_t window_s() const { return window_s_; }
  [[nodiscard]] const std::vector<Device>& devices() const { return devices_; }
  [[nodiscard]] const std::set<Membership>& memberships() const { return memberships_; }
  [[nodiscard]] const std::vector<Link>& links() const { return links_; }
  [[nodiscard]] const std::vector<Observation>& observations() const { return observations_; }
  [[nodiscard]] const std::vector<ProbeHealth>& health() const { return health_; }
  // Changes whenever devices, memberships or links do.
  [[nodiscard]] std::uint64_t graph_revision() const { return graph_revision_; }
  [[nodiscard]] std::size_t path_count() const { return path_ends_.size(); }
  [[nodiscard]] std::size_t route_count() const { return route_ends_.size(); }
  // Links of all different paths and candidates of all different routes: below 2^32, or the caller
  // stops adding.
  [[nodiscard]] std::size_t stored_hops() const { return path_links_.size() + route_paths_.size(); }
  [[nodiscard]] std::size_t flow_count() const { return flows_.size(); }

  [[nodiscard]] const Device& at(DeviceIndex index) const { return devices_[index.value()]; }
  [[nodiscard]] const Link& at(LinkIndex index) const { return links_[index.value()]; }
  [[nodiscard]] std::span<const LinkIndex> at(PathIndex index) const {
    return slice(path_links_, path_ends_, index.value());
  }
  [[nodiscard]] std::span<const WeightedPath> at(RouteIndex index) const {
    return slice(route_paths_, route_ends_, index.value());
  }
  [[nodiscard]] std::string_view at(FlowIndex index) const { return flows_[index.value()]; }
  [[nodiscard]] const Delay& delay(std::uint32_t index) const { return delays_[index]; }
  [[nodiscard]] const std::vector<Delay>& delays() const { return delays_; }

 private:
  using Bucket = std::unordered_multimap<std::uint64_t, std::uint32_t>;

  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  template <typename Index>
  using TextMap = std::unordered_map<std::string, Index, TextHash, std::equal_to<>>;

  // List number `index` of those stored one after the other.
  template <typename Value>
  [[nodiscard]] static std::span<const Value> slice(const std::vector<Value>& values,
                                                    const std::vector<std::uint32_t>& ends,
                                                    std::uint32_t index) {
    const std::uint32_t begin = index == 0 ? 0 : ends[index - 1];
    return {values.data() + begin, ends[index] - begin};
  }

  LinkIndex append_link(Link link);

  std::uint32_t window_s_ = 10;
  std::uint64_t graph_revision_ = 0;
  std::vector<Device> devices_;
  TextMap<DeviceIndex> device_by_id_;
  std::set<Membership> memberships_;
  std::vector<Link> links_;
  TextMap<LinkIndex> link_by_id_;
  std::unordered_map<std::uint64_t, LinkIndex> link_by_ends_;
  std::vector<LinkIndex> path_links_;  // paths one after the other; path i ends at path_ends_[i]
  std::vector<std::uint32_t> path_ends_;
  Bucket path_by_hash_;
  std::vector<WeightedPath> route_paths_;
  std::vector<std::uint32_t> route_ends_;
  Bucket route_by_hash_;
  std::vector<std::string> flows_;
  TextMap<FlowIndex> flow_by_text_;
  std::vector<Delay> delays_;
  std::vector<Observation> observations_;
  std::vector<ProbeHealth> health_;
};

}  // namespace faultline::localize
