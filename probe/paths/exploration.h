// Exploration: all paths that load balancing offers to one target. Many flows, which differ in
// their source port only, are traced at once, each with packets of its own 5-tuple (as Paris
// traceroute does), so that a flow shows one path and the flows together show them all (the idea of
// MDA, Augustin et al. 2007; here the number of flows is given and not adapted).
//
// Each hop of each flow is asked `attempts` times, and the target is asked directly as often with a
// full TTL: loss counts only where the target loses too, never at a hop alone. Routers limit what
// they answer, so a fifth of the rate is the most that any TTL gets.
//
// Pure: it says what to send and is told what came; time is an argument. Bounded: at most
// kProbesMax packets.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/model/address.h"
#include "common/stats/token_bucket.h"

namespace faultline::paths {

inline constexpr std::uint8_t kTtlMax = 30;
inline constexpr std::uint8_t kSilentMax = 4;  // hops in a row that say nothing end a flow's trace
inline constexpr std::uint8_t kAhead = 3;      // TTLs of a flow asked before the first has answered
inline constexpr std::size_t kProbesMax = 30'000;

struct ExplorationOptions {
  std::uint16_t flows = 1;
  std::uint16_t attempts = 3;
  std::uint16_t rate = 100;  // packets per second
  Duration timeout = std::chrono::seconds{1};
};

struct Probe {
  std::uint32_t id = 0;  // from 1
  std::uint16_t flow = 0;
  std::uint8_t ttl = 0;  // 0: the full one, for the target itself
};

// What a router, or the target, said.
struct Reply {
  IpAddress from{};
  bool from_target = false;   // an answer, or an error of the target's own
  bool ttl_exceeded = false;  // else, and not from the target: it cannot be reached
  std::uint8_t type = 0, code = 0;
  std::optional<std::uint8_t> arrived_ttl{};  // at the target: 255 less the routers
};

enum class Ended : std::uint8_t {
  kPending,
  kReached,      // the target answered
  kUnreachable,  // a router said that it cannot pass it on
  kSilent,       // no hop answered any more
  kLoop,         // the same routers again and again
  kTtlLimit,     // as far as it looks
};
[[nodiscard]] std::string_view to_string(Ended ended);

struct HopCount {
  std::optional<IpAddress> address{};  // empty: silent
  std::uint32_t sent = 0, answered = 0;
  std::optional<Duration> rtt_min{}, rtt_median{};
  std::uint32_t addresses = 1;  // more than one: this flow saw several routers here
};

// Flows that saw the same routers.
struct Path {
  std::vector<std::uint16_t> flows{};
  std::vector<HopCount> hops{};  // routers only
  Ended ended = Ended::kPending;
  std::optional<IpAddress> ended_by{};
  std::uint8_t ended_code = 0, ended_type = 0;
  std::uint32_t sent = 0, answered = 0;  // of packets to the target itself
  bool reflected = false;  // a reflector answered, whose silence is loss; else the target's ICMP
  std::optional<Duration> rtt_min{}, rtt_median{};
};

struct Remark {
  std::string_view kind;  // "load-balancing", "route-change", "loop", "rate-limited-icmp", ...
  std::string text;
};

struct ExplorationReport {
  std::vector<Path> paths{};      // the one of most flows first
  std::vector<Remark> remarks{};  // each kind at most a few times
  std::uint32_t sent = 0;
  std::uint32_t unattributed = 0;  // ICMP errors that quote too little
};

class Exploration {
 public:
  Exploration(const IpAddress& target, const ExplorationOptions& options, Instant now);

  [[nodiscard]] std::optional<Probe> next(Instant now);
  void on_reply(std::uint32_t id, const Reply& reply, Instant now);
  // An error that quotes no probe id: it belongs to the flow's only outstanding probe, if that is
  // what it has.
  void on_unnamed_reply(std::uint16_t flow, const Reply& reply, Instant now);
  [[nodiscard]] Instant next_event(Instant now);
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] std::uint32_t sent() const { return static_cast<std::uint32_t>(probes_.size()); }
  [[nodiscard]] ExplorationReport report() const;

 private:
  struct Sent {
    Probe probe;
    Instant at{};
    std::optional<Instant> answered_at{};
    Reply reply{};
    bool settled = false;
  };
  struct FlowState {
    std::uint8_t asked = 0;  // TTLs 1 to this were sent the first time
    std::uint8_t end = 0;    // the TTL at which the path ends; 0: not known yet
    Ended ended = Ended::kPending;
    std::optional<IpAddress> ended_by{};
    std::uint8_t ended_type = 0, ended_code = 0;
  };
  struct Cell {  // of one flow and TTL: its probes in order
    std::vector<std::uint32_t> probes{};
  };

  [[nodiscard]] Cell& cell(std::uint16_t flow, std::uint8_t ttl);
  [[nodiscard]] const Cell& cell(std::uint16_t flow, std::uint8_t ttl) const;
  [[nodiscard]] std::optional<IpAddress> router(std::uint16_t flow, std::uint8_t ttl) const;
  [[nodiscard]] bool first_settled(std::uint16_t flow, std::uint8_t ttl) const;
  void expire(Instant now);
  void look_for_ends();
  void look_for_end(std::uint16_t flow);
  [[nodiscard]] std::optional<Probe> first_pass(Instant now);
  [[nodiscard]] std::optional<Probe> later_pass(Instant now);
  [[nodiscard]] Probe issue(std::uint16_t flow, std::uint8_t ttl, Instant now);
  [[nodiscard]] HopCount count(std::uint16_t flow, std::uint8_t ttl) const;
  [[nodiscard]] Path path_of(std::uint16_t flow) const;
  void settle_length(Path& path) const;
  // Routers on the way to the target, by the TTL that it got a packet with.
  [[nodiscard]] std::optional<int> routers_seen(std::uint16_t flow) const;
  void add_to(Path& path, const Path& other) const;

  void remark_balancing(ExplorationReport& report) const;
  void remark_changes(ExplorationReport& report) const;
  void remark_hops(ExplorationReport& report) const;
  void remark_target(ExplorationReport& report) const;

  IpAddress target_;
  ExplorationOptions options_;
  std::vector<FlowState> flows_;
  std::vector<Cell> cells_;         // by flow and TTL
  std::vector<Sent> probes_;        // by id - 1
  std::size_t settled_before_ = 0;  // probes below are settled
  stats::TokenBucket budget_;
  std::vector<stats::TokenBucket> hop_budget_;
  bool first_done_ = false;
  bool done_ = false;
  std::uint32_t unattributed_ = 0;
};

}  // namespace faultline::paths
