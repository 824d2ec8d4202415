// The answers of the API as values, before they become JSON.
//
// Why it exists: the core maps its own state to these, the API renders them, and tests build them
// by hand. They mirror the JSON documents field by field (openapi.yaml), so that units and what
// "not measured" means are stated once.
//
// Units are in the names. An empty optional is something that nobody measured; it becomes null,
// never 0. Lists are in the order in which they should be shown. Nodes are named by their names.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/model/ids.h"
#include "common/model/node.h"
#include "controller/api/incident_views.h"
#include "controller/api/reach_view.h"

namespace faultline::api {

// What the last judged window says of the fabric; decides the exit code of `faultline status`.
enum class Health : std::uint8_t {
  kHealthy,
  kFault,
  kInconclusive,  // nothing judged yet or lately, or too few nodes report: silence means nothing
};
[[nodiscard]] std::string_view to_string(Health health);

struct NodeCounts {
  std::uint64_t total = 0;
  std::uint64_t live = 0;
  std::uint64_t silent = 0;      // joined, but no heartbeat within the timeout
  std::uint64_t restarting = 0;  // said goodbye and is still excused

  bool operator==(const NodeCounts&) const = default;
};

struct SessionCounts {
  std::uint64_t planned = 0;
  std::uint64_t reporting = 0;  // had a result in the window last judged

  bool operator==(const SessionCounts&) const = default;
};

struct PathCounts {
  std::uint64_t expected = 0;  // tracked flows; each has a forward and a return path
  std::uint64_t forward_known = 0;
  std::uint64_t return_known = 0;

  bool operator==(const PathCounts&) const = default;
};

// Since the controller started.
struct IngestCounts {
  std::uint64_t batches = 0;     // stored
  std::uint64_t duplicates = 0;  // acknowledged again, not stored again
  std::uint64_t refused = 0;     // malformed or over a limit
  std::uint64_t gaps = 0;
  std::uint64_t results_dropped = 0;  // that probes' spools had to drop, as the gap records say

  bool operator==(const IngestCounts&) const = default;
};

struct StoreView {
  std::string directory;
  std::uint64_t bytes = 0;
  std::optional<WallTime> oldest_window;
  std::string state = "ok";  // "ok", or one sentence on what is wrong

  bool operator==(const StoreView&) const = default;
};

// A component at fault, in brief.
struct SuspectView {
  std::string kind;  // link, cable, device, host, ...
  std::string id;
  std::string fault_class;  // loss, blackhole, down, ...
  double posterior = 0;
  std::optional<double> loss;
  std::optional<WallTime> since;
  std::vector<std::string> ambiguous_with = {};
  std::string incident = {};        // that is about it; empty: none yet
  std::string incident_state = {};  // pending, open, acknowledged, resolved: by an operator
  std::string held_by = {};         // why nobody is told of it

  bool operator==(const SuspectView&) const = default;
};

struct StatusView {
  Health health = Health::kInconclusive;
  std::string verdict;  // one line, for a person at 03:00
  std::string controller_version;
  WallTime generated_at{};
  WallTime started_at{};
  Duration uptime{};
  Duration window{};
  std::optional<WallTime> window_judged;  // end of the window last judged
  std::optional<std::uint64_t> plan_revision;
  NodeCounts nodes;
  SessionCounts sessions;
  PathCounts paths;
  IngestCounts ingest;
  StoreView store;
  std::vector<SuspectView> suspects;
  std::uint64_t incidents_open = 0;
  std::vector<std::string> silent_nodes;         // names, at most kSilentNodesShownMax
  std::vector<NodeInQuestion> in_question = {};  // by name, likewise

  bool operator==(const StatusView&) const = default;
};
inline constexpr std::size_t kSilentNodesShownMax = 20;

enum class NodeState : std::uint8_t {
  kLive,
  kSilent,
  kJoined,      // has a key, never said hello since the controller started
  kRestarting,  // said goodbye and is still excused
};
[[nodiscard]] std::string_view to_string(NodeState state);

struct NodeView {
  std::uint32_t id = 0;
  std::string name;
  NodeState state = NodeState::kJoined;
  NodeKind kind = NodeKind::kHost;
  Labels labels;
  std::string address;  // where its measurement packets come from; empty when not known yet
  std::string software;
  std::string key;  // public, hex
  std::optional<WallTime> joined_at;
  std::optional<WallTime> last_seen;
  std::optional<std::uint64_t> plan_revision;  // the plan that it acknowledged
  std::optional<WallTime> last_window;         // end of the newest window that it reported
  std::optional<std::int64_t> clock_offset_ms;
  std::optional<std::uint64_t> spool_batches;
  std::optional<std::uint64_t> spool_bytes;
  std::uint64_t results_dropped = 0;
  std::optional<double> sick;  // 0 well .. 1: its own measurements mean nothing
  std::string sick_reason;
  std::optional<ReachView> reach = {};  // while it is in question
  std::string clock = {};               // what is wrong with it; empty: nothing known

  bool operator==(const NodeView&) const = default;
};

// A node whose key an operator names.
struct NodeRequest {
  std::string name;
  PublicKey key;
  Labels labels;
};

struct TokenRequest {
  std::optional<std::string> node;  // fixes the name; empty: the probe chooses
  Labels labels;                    // pinned on the node that joins
  std::optional<Duration> lifetime;
};

struct TokenView {
  std::string id;  // names the token in lists and for removal; says nothing of the secret
  std::optional<std::string> node;
  WallTime created_at{};
  std::optional<WallTime> expires_at;
  Labels labels;

  bool operator==(const TokenView&) const = default;
};

// A key that is trusted.
struct TrustedKeyView {
  std::string key;    // public, hex
  std::string state;  // current, next: while it is being changed
  std::optional<WallTime> since;

  bool operator==(const TrustedKeyView&) const = default;
};

struct TrustedNodeView {
  std::string name;
  std::string state;  // as NodeView's
  std::string how;    // token, pre-placed
  std::optional<WallTime> since;
  std::vector<TrustedKeyView> keys;
  bool rekey_asked = false;            // an operator asked for a new key; not done yet
  bool knows_controller_keys = false;  // has acknowledged the controller's present keys

  bool operator==(const TrustedNodeView&) const = default;
};

// Who is trusted.
struct TrustView {
  std::vector<TrustedKeyView> controller_keys;  // current, then next
  std::uint64_t acknowledged = 0;               // nodes that know all of them
  std::vector<std::string> missing;             // names of the others, at most kMissingShownMax
  std::uint64_t missing_omitted = 0;
  std::vector<TrustedNodeView> nodes;  // by name
  std::vector<TokenView> tokens;       // unspent, oldest first

  bool operator==(const TrustView&) const = default;
};
inline constexpr std::size_t kMissingShownMax = 100;

// What became of a wish for a new key.
struct RekeyView {
  std::string kind;                  // node, controller
  std::string name;                  // the node's; the controller's new key
  std::string state;                 // asked: of a node; announced, changed: the controller's
  std::vector<std::string> missing;  // nodes that do not know the controller's new key
  std::uint64_t missing_omitted = 0;

  bool operator==(const RekeyView&) const = default;
};

struct NewToken {
  TokenView token;
  std::string secret;  // shown once, never stored

  bool operator==(const NewToken&) const = default;
};

// More groups make a matrix that nobody reads, of squares of megabytes: refused with kLimit.
inline constexpr std::size_t kMatrixGroupsMax = 1000;

struct MatrixRequest {
  std::string by = "rack";     // the key of a label, or "node"
  std::optional<WallTime> at;  // end of the interval; empty: the window last judged
  Duration since{};            // its length; zero: one window
};

// One-way, in the direction from -> to, both ends' sessions together.
struct MatrixCell {
  std::uint64_t flows = 0;
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;
  std::uint64_t undetermined = 0;  // lost on the round trip, in a direction that nobody can tell
  std::optional<double> rtt_p50_us;
  std::optional<double> rtt_p99_us;

  bool operator==(const MatrixCell&) const = default;
};

struct MatrixView {
  std::string by = "rack";
  WallTime from{};
  WallTime to{};
  std::vector<std::string> groups;
  // Only of what was measured: most pairs of a large fleet are not.
  std::deque<MatrixCell> cells;
  // Row by row, groups.size() squared; row = from, column = to: which of `cells`, from 1 on.
  std::vector<std::uint32_t> numbers;

  // Null where nothing was measured.
  [[nodiscard]] const MatrixCell* cell(std::size_t row, std::size_t column) const {
    const auto number = numbers.at(row * groups.size() + column);
    return number == 0 ? nullptr : &cells[number - 1];
  }
  bool operator==(const MatrixView&) const = default;
};

struct HopView {
  std::optional<std::string> address;  // empty: silent
  std::optional<std::string> device;   // empty: the topology does not know whose address it is
  std::optional<std::string> link;     // the link that leads to this hop

  bool operator==(const HopView&) const = default;
};

struct TracedPathView {
  bool complete = false;  // false: `hops` is only the part that answered
  WallTime traced_at{};
  std::vector<HopView> hops;  // in order of travel; both ends included

  bool operator==(const TracedPathView&) const = default;
};

// What was measured in the interval, all of it one flow or all flows of a pair.
struct Measured {
  std::uint64_t sent = 0;
  std::uint64_t lost_forward = 0;
  std::uint64_t lost_return = 0;
  std::uint64_t lost_undetermined = 0;
  std::optional<double> rtt_min_us;
  std::optional<double> rtt_mean_us;
  std::optional<double> rtt_max_us;

  bool operator==(const Measured&) const = default;
};

struct FlowPathView {
  std::uint16_t source_port = 0;
  std::optional<TracedPathView> forward_path;
  std::optional<TracedPathView> return_path;
  std::optional<Measured> measured;  // in the window last judged

  bool operator==(const FlowPathView&) const = default;
};

struct PathView {
  std::string src;
  std::string dst;
  std::optional<WallTime> window_judged;
  std::vector<FlowPathView> flows;  // by source port

  bool operator==(const PathView&) const = default;
};

struct HistoryRequest {
  Duration since = std::chrono::minutes{10};
  std::optional<WallTime> at{};    // end of the interval; empty: now
  std::optional<Duration> step{};  // of the rows; empty: the window up to a day, an hour beyond
};

struct HistoryRow {
  WallTime window_start{};
  std::uint64_t flows = 0;
  Measured measured;
  std::optional<double> rtt_p50_us;
  std::optional<double> rtt_p99_us;

  bool operator==(const HistoryRow&) const = default;
};

struct HistoryView {
  std::string src;
  std::string dst;
  Duration window{};
  std::vector<HistoryRow> rows;  // oldest first; windows without a result are absent
  bool truncated = false;        // older rows were left out

  bool operator==(const HistoryView&) const = default;
};
inline constexpr std::size_t kHistoryRowsMax = 10'000;

// Results as rows of text, for other tools: as they were measured, flow by flow, or pairs' sums.
enum class ExportRows : std::uint8_t { kWindows, kMinutes, kHours };
enum class ExportFormat : std::uint8_t { kCsv, kJsonLines };

struct ExportRequest {
  ExportRows rows = ExportRows::kWindows;
  ExportFormat format = ExportFormat::kCsv;
  std::string src;             // empty: of all nodes that are in the fleet now
  std::string dst;             // empty: to all; needs a src
  std::optional<WallTime> at;  // end of the interval; empty: now
  Duration since = std::chrono::minutes{10};
};

// Somebody who is told of faults, and how that goes.
struct ReceiverView {
  std::string name;
  std::string kind;  // webhook, pagerduty, slack, alertmanager, exec; removed: not configured now
  std::uint64_t waiting = 0;
  bool in_flight = false;             // an attempt is being made now
  std::optional<WallTime> oldest_at;  // when the oldest waiting one was made
  std::optional<WallTime> next_at;    // of the next attempt; empty: at once, or nothing waits
  std::uint32_t attempts = 0;         // of the oldest
  std::string last_error;             // empty: none since the last delivery
  std::uint64_t delivered = 0;        // since the controller started
  std::optional<WallTime> delivered_at;

  bool operator==(const ReceiverView&) const = default;
};

// An alert that waits for its receiver, or was given up.
struct AlertView {
  std::uint64_t id = 0;
  std::string receiver;
  std::string incident;
  std::string event;  // opened, updated, resolved
  std::string severity;
  std::string summary;
  WallTime created_at{};
  std::uint32_t attempts = 0;
  std::string last_error;

  bool operator==(const AlertView&) const = default;
};

struct AlertsView {
  std::vector<ReceiverView> receivers;  // by name
  std::vector<AlertView> waiting;       // by receiver, oldest first; at most kAlertsListedMax
  std::uint64_t waiting_omitted = 0;
  std::vector<AlertView> dead;        // given up, oldest first
  std::vector<std::string> troubles;  // of the product: the watchdog's checks that are raised

  bool operator==(const AlertsView&) const = default;
};
inline constexpr std::size_t kAlertsListedMax = 100;

// What became of a test alert.
struct AlertTestView {
  std::string receiver;
  std::string event;  // opened, resolved
  bool delivered = false;
  std::string answer;  // "HTTP 202", "exit 1: no such pager", "Could not connect to server"
  double took_ms = 0;

  bool operator==(const AlertTestView&) const = default;
};

struct DeviceView {
  std::string id;
  std::string kind;
  std::string tier;  // free text, may be empty
  std::vector<std::string> addresses;
  bool declared = false;  // in the inventory
  bool seen = false;      // a node, or it answered a trace

  bool operator==(const DeviceView&) const = default;
};

struct LinkView {
  std::string id;
  std::string from;
  std::string to;
  std::uint64_t flows = 0;  // tracked flows whose known path crosses it
  bool declared = false;

  bool operator==(const LinkView&) const = default;
};

// A virtual machine, and how it hangs on its host, by what both say of themselves.
struct MachineView {
  std::string vm;
  std::string nic;
  std::string host;    // empty: not known
  std::string mode;    // bridged, routed, nat, isolated, macvlan, macvtap, overlay
  std::string bridge;  // of the host; empty: none or not known, as the next two
  std::string port;
  std::string uplink;
  bool proven = false;
  std::vector<std::string> evidence;

  bool operator==(const MachineView&) const = default;
};

// The switch port that a NIC is in, by LLDP.
struct SwitchPortView {
  std::string node;
  std::string nic;
  std::string device;
  std::string port;
  bool known = false;  // a device of the topology
  std::optional<std::uint16_t> vlan;

  bool operator==(const SwitchPortView&) const = default;
};

struct TopologyView {
  std::string source;  // "inventory", "traces", "inventory and traces"
  std::vector<DeviceView> devices;
  std::vector<LinkView> links;
  std::vector<MachineView> machines{};
  std::vector<SwitchPortView> ports{};
  std::vector<std::string> conflicts{};   // what contradicts what, one sentence each
  std::uint64_t nodes_without_facts = 0;  // `machines` and `ports` know nothing of these

  bool operator==(const TopologyView&) const = default;
};

}  // namespace faultline::api
